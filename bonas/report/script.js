"use strict";
// Theme, links between everything that shows a trial, the table of all trials, and copying.
(() => {
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
    return element;
  };

  // Theme: that of the system until the button says otherwise.
  const theme = find("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const labelTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  if (theme) {
    theme.hidden = false;
    labelTheme();
    theme.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      labelTheme();
    });
    prefersDark.addEventListener("change", labelTheme);
  }

  // Data.
  let data = null, rows = new Map(), places = new Map(), shownFirst = null;
  const read = () => {
    const source = find("trials-data");
    data = source ? JSON.parse(source.textContent) : null;
    if (data) readDecimals();
    const first = document.querySelector("#front tr[data-trial]");
    shownFirst = first ? Number(first.dataset.trial) : null;
    rows = new Map(data ? data.trials.map((row) => [row[0], row]) : []);
    places = new Map();
    for (const element of document.querySelectorAll("[data-trial]")) {
      const number = Number(element.dataset.trial);
      if (!places.has(number)) places.set(number, []);
      places.get(number).push(element);
    }
    for (const mark of document.querySelectorAll(".chart .mark > [data-trial]:not([tabindex])")) {
      mark.setAttribute("tabindex", "-1");
      mark.setAttribute("role", "img");
    }
    for (const mark of document.querySelectorAll(".chart .mark > [data-trial]:empty")) {
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.textContent = nameOf(Number(mark.dataset.trial));
      mark.removeAttribute("aria-label");
      mark.append(title);
    }
    for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;
    for (const button of document.querySelectorAll("button.trial")) {
      button.setAttribute("aria-pressed", "false");
    }
  };
  const valueAt = (j) => 4 + j;
  const sdAt = (j) => 4 + data.objectives.length + j;
  const choiceAt = (k) => 4 + data.objectives.length * (data.sds ? 2 : 1) + k;
  const shown = (x) => {
    if (x === null || x === undefined) return "–";
    if (typeof x !== "number") return String(x);
    const size = Math.abs(x);
    if (size !== 0 && (size < 1e-4 || size >= 1e9)) return x.toExponential(3);
    return size >= 1e4 ? Math.round(x).toLocaleString("en") : String(Number(x.toPrecision(4)));
  };
  let decimals = [];
  const readDecimals = () => {
    decimals = data.objectives.map((_, j) => {
      const sizes = data.trials.map((row) => Math.abs(row[valueAt(j)] || 0)).filter((x) => x > 0);
      const [least, most] = sizes.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, 0]);
      if (!(most >= 1e-2 && most < 1e5 && least >= most * 1e-3)) return null;
      const digits = Math.max(0, 3 - Math.floor(Math.log10(most)));
      const isEnough = (d) => sizes.every((x) => Math.abs(Number(x.toFixed(d)) - Number(x.toFixed(digits))) < 1e-9);
      return [...Array(digits).keys()].find(isEnough) ?? digits;
    });
  };
  const inColumn = (x, j) => {
    if (x === null || decimals[j] === null) return shown(x);
    const digits = { minimumFractionDigits: decimals[j], maximumFractionDigits: decimals[j] };
    return x.toLocaleString("en", digits);
  };
  const value = (row, j) => {
    const sd = data.sds ? row[sdAt(j)] : null;
    return inColumn(row[valueAt(j)], j) + (sd === null ? "" : " ± " + inColumn(sd, j));
  };
  const choice = (row, k) => {
    const [, options] = data.parameters[k], at = row[choiceAt(k)];
    return at === null ? "–" : options ? options[at] : shown(at);
  };

  const nameOf = (number) => {
    const row = rows.get(number);
    const values = row ? data.objectives.map(([name, unit], j) => `${name} ${value(row, j)} ${unit}`.trim()) : [];
    return values.length ? `trial ${number}: ${values.join(", ")}` : `trial ${number}`;
  };

  // One trial is pointed at, or kept.
  let linked = null, pinned = null;
  const mark = (number, name, on) => {
    for (const element of places.get(number) || []) {
      element.classList.toggle(name, on);
      if (name === "pinned" && element.matches("button.trial")) {
        element.setAttribute("aria-pressed", String(on));
      }
    }
  };
  const best = () => (data.objectives.length > 1 ? ", on the front" : ", the best");
  const detail = (given) => {
    const number = given === null ? shownFirst : given;
    const panel = find("detail"), row = rows.get(number);
    if (!panel) return;
    panel.hidden = !row;
    if (!row) return;
    const list = make("dl");
    const add = (term, text) => list.append(make("dt", term), make("dd", text));
    data.objectives.forEach(([name, unit], j) => add(name, (value(row, j) + " " + unit).trim()));
    add("outcome", data.outcomes[row[1]] + (row[2] & 2 ? ", violates a constraint" : ""));
    data.parameters.forEach(([name], k) => {
      if (row[choiceAt(k)] !== null) add(name, choice(row, k));
    });
    panel.replaceChildren(make("h3", "Trial " + number + (row[2] & 1 ? best() : "")), list);
    const drawing = document.querySelector(`.network[data-trial="${number}"] .drawing svg`);
    if (drawing) panel.append(drawing.cloneNode(true));
  };
  const link = (number) => {
    if (linked !== null) mark(linked, "linked", false);
    linked = number;
    if (number !== null) mark(number, "linked", true);
    detail(number === null ? pinned : number);
  };
  const pin = (number) => {
    const before = pinned;
    if (before !== null) mark(before, "pinned", false);
    pinned = before === number ? null : number;
    if (pinned !== null) mark(pinned, "pinned", true);
    detail(pinned);
  };
  const numberOf = (target) => {
    const element = target instanceof Element ? target.closest("[data-trial]") : null;
    return element ? Number(element.dataset.trial) : null;
  };
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const number = numberOf(event.target);
      if (number !== linked) link(number);
    });
  }
  document.addEventListener("pointerleave", () => link(null));
  document.addEventListener("click", (event) => {
    const number = numberOf(event.target);
    const isText = getSelection().toString() !== "";
    if (number !== null && !event.target.closest("a, summary, .enlarge") && !isText) pin(number);
  });
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && pinned !== null) pin(pinned);
    const mark = event.target instanceof Element ? event.target.closest("svg [data-trial]") : null;
    if (!mark) return;
    if (event.key === "Enter" || event.key === " ") {
      pin(Number(mark.dataset.trial));
      event.preventDefault();
      return;
    }
    const every = [...mark.ownerSVGElement.querySelectorAll("[data-trial][tabindex]")];
    const at = every.indexOf(mark);
    const next = event.key === "Home" ? 0 : event.key === "End" ? every.length - 1
      : at + (steps[event.key] || 0);
    if (next === at || !every[next]) return;
    event.preventDefault();
    mark.setAttribute("tabindex", "-1");
    every[next].setAttribute("tabindex", "0");
    every[next].focus();
  });

  // All trials, page by page.
  const size = 50;
  let order = { key: 0, sign: 1 }, page = 0, found = [], texts = null;
  const columns = () => [
    { title: "trial", key: 0, text: (row) => String(row[0]), isNumber: true },
    { title: "outcome", key: 1, text: (row) => data.outcomes[row[1]] },
    ...data.objectives.map(([name, unit], j) => ({
      title: unit ? `${name} [${unit}]` : name, key: valueAt(j), text: (row) => value(row, j), isNumber: true,
    })),
    { title: "seconds", key: 3, text: (row) => shown(row[3]), isNumber: true },
    ...data.parameters.map(([name], k) => ({ title: name, key: choiceAt(k), text: (row) => choice(row, k) })),
  ];
  const compare = (a, b) => {
    const [x, y] = [a[order.key], b[order.key]];
    if (x === null || y === null) return (x === null) - (y === null);
    return order.sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x) < String(y) ? -1 : 1);
  };
  const filter = () => {
    const outcome = find("trials-outcome").value, text = find("trials-find").value.trim().toLowerCase();
    if (text && !texts) {
      const every = columns();
      texts = new Map(data.trials.map((row) => [row[0], every.map((c) => c.text(row)).join(" ").toLowerCase()]));
    }
    found = data.trials.filter((row) =>
      (outcome === "" || (outcome === "front" ? row[2] & 1 : row[1] === Number(outcome)))
      && (!text || texts.get(row[0]).includes(text)));
    found.sort(compare);
    page = 0;
    fill();
  };
  const fill = () => {
    const table = find("trials-table"), every = columns(), head = make("tr"), body = make("tbody");
    for (const column of every) {
      const isOrder = column.key === order.key;
      const cell = make("th", undefined, {
        scope: "col", class: column.isNumber ? "number" : "",
        "aria-sort": isOrder ? (order.sign > 0 ? "ascending" : "descending") : "none",
      });
      const button = make("button", column.title, { type: "button" });
      button.addEventListener("click", () => {
        order = { key: column.key, sign: isOrder ? -order.sign : 1 };
        filter();
        find("trials-table").querySelectorAll("th button")[every.indexOf(column)].focus();
      });
      cell.append(button);
      head.append(cell);
    }
    for (const old of table.querySelectorAll("[data-trial]")) {
      const list = places.get(Number(old.dataset.trial));
      if (list) list.splice(list.indexOf(old), 1);
    }
    const last = Math.max(0, Math.ceil(found.length / size) - 1);
    page = Math.min(Math.max(page, 0), last);
    for (const row of found.slice(page * size, page * size + size)) {
      const line = make("tr", undefined, { "data-trial": row[0] });
      const button = make("button", String(row[0]), {
        type: "button", class: "trial", "data-trial": row[0], "aria-pressed": String(pinned === row[0]),
      });
      every.forEach((column, i) => {
        const cell = i ? make("td", column.text(row)) : make("th", undefined, { scope: "row" });
        if (!i) cell.append(button);
        if (column.isNumber) cell.className = "number";
        line.append(cell);
      });
      if (pinned === row[0]) line.classList.add("pinned");
      if (!places.has(row[0])) places.set(row[0], []);
      places.get(row[0]).push(line, button);
      body.append(line);
    }
    const caption = make("caption", "All trials", { class: "hidden" }), top = make("thead");
    top.append(head);
    table.replaceChildren(caption, top, body);
    const first = found.length ? page * size + 1 : 0;
    const until = Math.min(found.length, page * size + size);
    find("trials-place").textContent =
      `${first.toLocaleString("en")}–${until.toLocaleString("en")} of ${found.length.toLocaleString("en")}`
      + (data.hidden ? `, ${data.hidden} parameters not shown` : "");
    find("trials-before").disabled = page === 0;
    find("trials-after").disabled = page === last;
  };
  const listTrials = () => {
    texts = null;
    if (!data || !find("trials-table")) return;
    for (const tools of document.querySelectorAll("#trials-tools, #trials-pages")) tools.hidden = false;
    const before = page;
    filter();
    if (before) { page = before; fill(); }
  };

  // What is done by a click on a button, or by typing; the content of the page may be replaced.
  const copy = async (button) => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  const enlarge = (button) => {
    const isLarge = button.closest(".network").classList.toggle("large");
    button.setAttribute("aria-pressed", String(isLarge));
  };
  const turn = (by) => { page += by; fill(); };
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    if (button.matches(".copy")) copy(button);
    else if (button.matches(".enlarge")) enlarge(button);
    else if (button.id === "trials-before") turn(-1);
    else if (button.id === "trials-after") turn(1);
  });
  for (const name of ["input", "change"]) {
    document.addEventListener(name, (event) => {
      if (["trials-find", "trials-outcome"].includes(event.target.id)) filter();
    });
  }
  const showButtons = () => {
    for (const button of document.querySelectorAll(navigator.clipboard ? ".copy, .enlarge" : ".enlarge")) {
      button.hidden = false;
    }
  };

  const begin = () => {
    read();
    listTrials();
    showButtons();
    const kept = pinned;
    pinned = linked = null;
    if (kept !== null && rows.has(kept)) pin(kept);
    else detail(null);
  };
  begin();
  // What replaces the content of the page says so: the server of a search that runs.
  document.addEventListener("bonas:replaced", begin);
})();
