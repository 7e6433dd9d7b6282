"use strict";
// Asks the server whether there is anything new, and loads the page again only if there is. What the
// page shows and where the reader is stays: the pinned network is in history.state, the rest here.
(() => {
  const KEY = "bonas:place:" + location.pathname + location.search;
  const badge = document.createElement("p");
  badge.id = "live";
  badge.setAttribute("role", "status");
  document.querySelector("header").append(badge);

  const say = (text, isLate) => {
    if (badge.textContent !== text) badge.textContent = text;
    badge.className = isLate ? "late" : "";
  };

  // Where a reader is: an element by the path of positions to it from the nearest id.
  const pathTo = (element) => {
    const steps = [];
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (at.id) return { id: at.id, steps };
      steps.unshift([...at.parentElement.children].indexOf(at));
    }
    return { id: "", steps };
  };
  const at = (path) =>
    path.steps.reduce(
      (element, step) => element && element.children[step],
      path.id ? document.getElementById(path.id) : document.body,
    );

  const remember = () => {
    const top = [...document.querySelectorAll("main section")].findLast(
      (section) => section.getBoundingClientRect().top <= 1,
    );
    const scrolled = [...document.querySelectorAll(".scroll")].filter((box) => box.scrollLeft);
    const focused = document.activeElement;
    sessionStorage.setItem(KEY, JSON.stringify({
      section: top ? top.id : "",
      offset: top ? -top.getBoundingClientRect().top : scrollY,
      details: [...document.querySelectorAll("details")].map((one) => [pathTo(one), one.open]),
      boxes: scrolled.map((box) => [pathTo(box), box.scrollLeft]),
      focus: focused && focused !== document.body ? pathTo(focused) : null,
    }));
  };

  const restore = () => {
    const stored = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    if (!stored) return;
    const place = JSON.parse(stored);
    for (const [path, isOpen] of place.details) {
      const found = at(path);
      if (found && found.tagName === "DETAILS") found.open = isOpen;
    }
    for (const [path, left] of place.boxes) {
      const found = at(path);
      if (found) found.scrollLeft = left;
    }
    const section = place.section && document.getElementById(place.section);
    const top = section ? section.getBoundingClientRect().top + scrollY + place.offset : place.offset;
    history.scrollRestoration = "manual";
    scrollTo({ top, behavior: "instant" });
    const focused = place.focus && at(place.focus);
    if (focused && focused.focus) focused.focus({ preventScroll: true });
  };

  // Nobody is interrupted who writes something or has marked a text.
  const isBusy = () => {
    const focused = document.activeElement;
    const writes = focused && /^(INPUT|TEXTAREA|SELECT)$/.test(focused.tagName);
    return writes || String(getSelection()) !== "" || document.querySelector("dialog[open]");
  };

  const look = async () => {
    if (document.hidden) return;
    let state;
    try {
      const answer = await fetch(STATE, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      state = await answer.json();
    } catch {
      say("the server has stopped", true);
      return;
    }
    if (state.version && state.version !== VERSION && !isBusy()) {
      remember();
      location.reload();
      return;
    }
    const seen = state.seen ? "last seen " + state.seen : "not read yet";
    say(state.late ? seen + (state.trouble ? ": " + state.trouble : "") : "live", state.late);
  };

  restore();
  say("live", false);
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
  look();
})();
