"use strict";
// Asks the server whether there is anything new, and then replaces what has changed. The page and
// its script stay, so that the pinned network stays; the place of the reader is found again.
(() => {
  let version = VERSION;
  const badge = document.createElement("p");
  badge.id = "live";
  badge.setAttribute("role", "status");
  document.body.append(badge);
  const say = (text, isLate) => {
    if (badge.textContent !== text) badge.textContent = text;
    badge.className = isLate ? "late" : "";
  };

  // An element by the path of positions to it from the nearest id, which a new page has, too.
  const pathTo = (element) => {
    const steps = [];
    for (let at = element; at !== document.body; at = at.parentElement) {
      if (at.id) return [at.id, steps];
      steps.unshift([...at.parentElement.children].indexOf(at));
    }
    return ["", steps];
  };
  const at = ([id, steps]) =>
    steps.reduce(
      (element, step) => element && element.children[step],
      id ? document.getElementById(id) : document.body,
    );
  const every = (selector) => [...document.querySelectorAll(`main ${selector}`)];

  // Returns what finds the place of the reader in the new page.
  const placed = () => {
    const topOf = (one) => one.getBoundingClientRect().top;
    const nearest = (a, b) => (Math.abs(topOf(a)) < Math.abs(topOf(b)) ? a : b);
    const section = every("section").reduce(nearest), top = topOf(section);
    const details = every("details").map((one) => [pathTo(one), one.open]);
    const boxes = every(".scroll, pre").filter((one) => one.scrollLeft).map((one) => [pathTo(one), one.scrollLeft]);
    const fields = every("input, select").map((one) => [pathTo(one), one.value]);
    const focused = document.activeElement;
    const focus = focused && focused.closest("main") ? pathTo(focused) : null;
    const each = (found, set) => {
      for (const [path, value] of found) {
        const element = at(path);
        if (element) set(element, value);
      }
    };
    return {
      before: () => {
        each(fields, (one, value) => { one.value = value; });
        each(details, (one, isOpen) => { if (one.tagName === "DETAILS") one.open = isOpen; });
      },
      after: () => {
        each(boxes, (one, left) => { one.scrollLeft = left; });
        const same = section && document.getElementById(section.id);
        if (same && scrollY > 0) scrollBy({ top: topOf(same) - top, behavior: "instant" });
        const target = focus && at(focus);
        if (target) target.focus({ preventScroll: true });
      },
    };
  };

  const replace = async () => {
    const answer = await fetch(location.href, { cache: "no-cache" });
    const tag = /"(.*)"/.exec(answer.headers.get("ETag") || "");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const place = placed();
    for (const part of ["header > div", "nav", "main", "footer"]) {
      const [old, next] = [document.querySelector(part), page.querySelector(part)];
      if (old && next && old.innerHTML !== next.innerHTML) old.replaceChildren(...next.childNodes);
    }
    place.before();
    document.dispatchEvent(new Event("bonas:replaced"));
    place.after();
    version = tag ? tag[1] : version;
  };

  // Nobody is interrupted who writes something or has marked a text.
  const isBusy = () => {
    const focused = document.activeElement;
    return (focused && focused.matches("input, select, textarea")) || String(getSelection()) !== "";
  };

  let isLooking = false;
  const look = async () => {
    if (document.hidden || isLooking) return;
    isLooking = true;
    try {
      const answer = await fetch(STATE, { cache: "no-store" });
      const state = await answer.json();
      if (state.version && state.version !== version && !isBusy()) await replace();
      const seen = state.seen ? `last seen ${state.seen}` : "not read yet";
      say(state.late ? seen + (state.trouble && `: ${state.trouble}`) : "live", state.late);
    } catch {
      say("the server has stopped", true);
    } finally {
      isLooking = false;
    }
  };

  say("live", false);
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
  look();
})();
