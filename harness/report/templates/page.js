(() => {
  "use strict";
  const root = document.documentElement, $$ = (css, at = document) => [...at.querySelectorAll(css)];
  root.classList.add("script");

  // Tables: a button in each head; numbers by value, words by letters, dashes last.
  const value = cell => {
    const held = cell.dataset.value ?? cell.textContent.trim().replace("−", "-");
    if (held === "" || held === "–") return null;
    const number = Number.parseFloat(held);
    return Number.isNaN(number) ? held.toLowerCase() : number;
  };
  const order = (a, b) => typeof a === typeof b
    ? (typeof a === "number" ? a - b : a.localeCompare(b, undefined, {numeric: true}))
    : typeof a === "number" ? -1 : 1;
  const sort = (table, head, place) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    $$("th[aria-sort]", table).forEach(one => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map(row => [value(row.cells[place]), row]);
    rows.sort(([a], [b]) => a === null || b === null
      ? (a === null) - (b === null) : down ? order(b, a) : order(a, b));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  for (const table of $$("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, place));
      head.append(button);
    });
  }

  // The card of a network: shown where the pointer or the focus is, stays under the pointer,
  // and Escape takes it away (WCAG 1.4.13).
  const cards = JSON.parse(document.getElementById("points").textContent);
  const card = document.getElementById("card");
  let shown = null, leaving = 0;
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };
  const drawing = place => {
    const found = document.querySelector(`#net-${place} .net svg`);
    if (!found) return [];
    const copy = found.cloneNode(true);
    $$("[id]", copy).concat(copy).forEach(one => one.removeAttribute("id"));
    $$("title, style", copy).forEach(one => one.remove());
    copy.setAttribute("aria-hidden", "true");
    const boxes = $$("g > rect", copy).map(one => ["x", "y", "width", "height"].map(
      name => Number(one.getAttribute(name))));
    const left = Math.min(...boxes.map(box => box[0])) - 8, top = Math.min(...boxes.map(box => box[1])) - 16;
    const right = Math.max(...boxes.map(box => box[0] + box[2])) + 8;
    const low = Math.max(...boxes.map(box => box[1] + box[3])) + 26;
    copy.setAttribute("viewBox", `${left} ${top} ${right - left} ${low - top}`);
    return [copy];
  };
  const fill = one => {
    const list = document.createElement("dl");
    for (const [name, text] of one.lines) list.append(element("dt", name), element("dd", text));
    card.replaceChildren(element("strong", one.name), list,
      ...(one.network === null ? [] : drawing(one.network)));
  };
  const hide = () => {
    card.hidden = true;
    if (shown) shown.classList.remove("on");
    shown = null;
  };
  const show = (point, one) => {
    clearTimeout(leaving);
    if (shown === point) return;
    hide();
    shown = point;
    point.classList.add("on");
    fill(one);
    card.hidden = false;
    const box = point.getBoundingClientRect(), own = card.getBoundingClientRect();
    const room = root.clientWidth - own.width - 12;
    const beside = box.right + 10 <= room ? box.right + 10 : box.left - own.width - 10;
    card.style.left = `${Math.max(12, Math.min(room, beside)) + scrollX}px`;
    const low = Math.min(box.top - 20, innerHeight - own.height - 12);
    const under = beside < 12;
    card.style.top = `${Math.max(12, under ? box.bottom + 12 : low) + scrollY}px`;
  };
  const later = () => { clearTimeout(leaving); leaving = setTimeout(hide, 180); };
  card.addEventListener("pointerenter", () => clearTimeout(leaving));
  card.addEventListener("pointerleave", later);
  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });

  // Points of a plot: one stop for Tab, arrow keys between them.
  for (const plot of $$("figure.pareto svg")) {
    const points = cards.map((_, i) => plot.querySelector(`g[id$="-point-${i}"]`));
    if (points.some(one => !one)) continue;
    plot.setAttribute("role", "group");
    points.forEach((point, i) => {
      point.classList.add("point");
      point.setAttribute("role", "button");
      point.setAttribute("tabindex", i ? "-1" : "0");
      point.setAttribute("aria-label",
        [cards[i].name, ...cards[i].lines.map(line => line.join(" "))].join(", "));
      point.addEventListener("pointerenter", () => show(point, cards[i]));
      point.addEventListener("pointerleave", later);
      point.addEventListener("focus", () => show(point, cards[i]));
      point.addEventListener("blur", hide);
      point.addEventListener("click", () => show(point, cards[i]));
      point.addEventListener("keydown", event => {
        const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (!step) return;
        event.preventDefault();
        const next = points[(i + step + points.length) % points.length];
        points.forEach(one => one.setAttribute("tabindex", one === next ? "0" : "-1"));
        next.focus();
      });
    });
  }

  // Plots wider than the screen scroll in their own frame: then a stop for the keyboard.
  const frames = () => $$(".draw").forEach(one => {
    if (one.scrollWidth <= one.clientWidth) return;
    one.setAttribute("tabindex", "0");
    one.setAttribute("role", "group");
    one.setAttribute("aria-label", "plot, scrolls sideways");
  });
  frames();
  addEventListener("resize", frames);

  // Contents: where the reader is. Printing: everything that is folded opens.
  const links = new Map($$(".side a").map(one => [one.getAttribute("href").slice(1), one]));
  const seen = new IntersectionObserver(entries => entries.forEach(entry => {
    if (!entry.isIntersecting) return;
    links.forEach(one => one.removeAttribute("aria-current"));
    links.get(entry.target.id)?.setAttribute("aria-current", "location");
  }), {rootMargin: "0px 0px -70% 0px"});
  links.forEach((_, id) => { const at = document.getElementById(id); if (at) seen.observe(at); });
  addEventListener("beforeprint", () => $$("details:not(.toc)").forEach(one => { one.open = true; }));
})();
