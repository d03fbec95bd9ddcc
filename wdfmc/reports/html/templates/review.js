"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("script");

  // ------------------------------------------------------------ light and dark

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const shown = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  try { const kept = localStorage.getItem("wdfmc-theme"); if (kept) root.dataset.theme = kept; } catch { /* not allowed for files everywhere */ }
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = shown() === "dark" ? "light" : "dark";
    try { localStorage.setItem("wdfmc-theme", root.dataset.theme); } catch { /* then it lasts until the page is closed */ }
  });

  // ------------------------------------------------------------ printing: everything is laid out

  document.getElementById("print").addEventListener("click", () => print());
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open]):not(.skipped)")];
    for (const one of closed) one.open = true;
    for (const inner of document.querySelectorAll(".swim-inner")) {
      const paper = inner.closest(".wide") ? 1000 : 690; // pixels between the margins, landscape or portrait
      const wanted = parseFloat(inner.style.getPropertyValue("--lanes")) + 440; // and the words
      inner.style.setProperty("--print", Math.min(1, paper / wanted).toFixed(3));
    }
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; closed = []; });

  // ------------------------------------------------------------ traces

  const element = (name, words, kind) => {
    const made = document.createElement(name);
    if (words !== undefined) made.textContent = words;
    if (kind) made.className = kind;
    return made;
  };

  class Player {
    constructor(section) {
      this.section = section;
      this.anchor = section.dataset.trace;
      this.step = 0; // nothing is shown yet
      for (const button of section.querySelectorAll("[data-go]")) button.addEventListener("click", () => this.go(button.dataset.go));
      for (const one of section.querySelectorAll("[data-step]")) {
        one.addEventListener("click", (event) => { event.preventDefault(); this.show(Number(one.dataset.step), true); });
      }
      section.querySelector("[data-copy]").addEventListener("click", () => this.copy());
      const table = section.querySelector("[data-table]");
      table.addEventListener("click", () => {
        const open = section.querySelector(".as-table").classList.toggle("open");
        table.setAttribute("aria-expanded", String(open));
      });
      section.addEventListener("pointerdown", () => { active = this; });
      section.addEventListener("focusin", () => { active = this; });
    }

    begin() { if (!this.step) this.show(1, false); } // when it is about to be seen: a page may have many traces

    get steps() { return this.read ??= JSON.parse(this.section.querySelector("script.data").textContent).steps; }

    get links() { return this.found ??= [...this.section.querySelectorAll(".steps a")]; }

    get last() { return this.steps.length; }

    go(where) {
      this.begin();
      const to = { first: 1, back: this.step - 1, on: this.step + 1, last: this.last }[where];
      this.show(to, true);
    }

    show(number, chosen) {
      number = Math.max(1, Math.min(this.last, number));
      const before = this.step;
      this.step = number;
      const step = this.steps[number - 1];
      const link = this.links[number - 1];
      if (before) this.links[before - 1].removeAttribute("aria-current");
      link.setAttribute("aria-current", "step");
      this.section.querySelector(".position").textContent = `${number} of ${this.last}`;
      for (const button of this.section.querySelectorAll("[data-go]")) {
        button.disabled = ["first", "back"].includes(button.dataset.go) ? number === 1 : number === this.last;
      }
      this.tell(step, number);
      this.source("model", step.model || this.earlier(number) || this.later(), !step.model);
      this.source("library", step.library, false);
      if (chosen) {
        active = this;
        reveal(this.section.querySelector(".swim"), link);
        revealLane(this.section.querySelector(".swim"), step.column);
        history.replaceState(null, "", this.link());
        this.announce(`Step ${number} of ${this.last}. ${step.who}: ${step.code}${step.result ? ", gives " + step.result : ""}. ` +
          step.changes.map(([name, was, is]) => `${name} from ${was} to ${is}`).join("; "));
      }
    }

    earlier(number) { // the line where the driver was before a step that is not its own
      for (let at = number - 1; at > 0; at--) if (this.steps[at - 1].model) return this.steps[at - 1].model;
      return null;
    }

    later() { // the text of the driver before it has run
      const place = this.steps.find((step) => step.model)?.model;
      return place ? [place[0], 1, 0] : null;
    }

    tell(step, number) {
      const now = this.section.querySelector(".now");
      now.querySelector(".now-who").textContent = `Step ${number} · ${step.who} · ${/^\d/.test(step.where) ? "line " : ""}${step.where}`;
      now.querySelector(".now-code").textContent = step.code + (step.result ? " → " + step.result : "");
      const rows = step.changes.map(([name, was, is]) => {
        const row = element("div");
        const value = element("dd", `${was} → `);
        value.append(element("b", is));
        row.append(element("dt", name), value);
        return row;
      });
      if (!rows.length) { const row = element("div"); row.append(element("dd", "nothing else changes")); rows.push(row); }
      now.querySelector(".changes").replaceChildren(...rows);
    }

    source(which, place, earlier) {
      const box = this.section.querySelector(`[data-source="${which}"]`);
      const name = box.querySelector(".source-name");
      const code = box.querySelector(".code");
      box.hidden = !place && which === "library";
      if (!place) {
        name.textContent = "the driver does not run";
        code.replaceChildren();
        delete code.dataset.text;
        return;
      }
      const [text, first, last] = place;
      const template = document.getElementById(`text-${text}`);
      name.textContent = template.dataset.name + (!earlier ? "" : last ? ": where it was before" : ": it has not run yet");
      if (code.dataset.text !== String(text)) {
        code.replaceChildren(template.content.cloneNode(true));
        code.dataset.text = text;
      }
      for (const line of code.querySelectorAll(".lit, .last")) line.classList.remove("lit", "last");
      const many = which === "model" ? Math.min(first, last) : last; // a statement is lit on the line where it begins
      for (let at = first; at <= many; at++) code.children[at - 1]?.classList.add(earlier ? "last" : "lit");
      reveal(code, code.children[first - 1], which === "library" ? 0.08 : 0.4);
    }

    link() { return players.length === 1 ? `#step=${this.step}` : `#${this.anchor}&step=${this.step}`; }

    announce(words) { this.section.querySelector("[role=status]").textContent = words; }

    async copy() {
      const link = location.href.split("#")[0] + this.link();
      let copied = false;
      try { await navigator.clipboard.writeText(link); copied = true; } catch {
        const area = element("textarea", link, "hidden");
        document.body.append(area);
        area.select();
        copied = document.execCommand("copy");
        area.remove();
      }
      const button = this.section.querySelector("[data-copy]");
      button.textContent = copied ? "Link copied" : link;
      this.announce(copied ? "Link copied" : `The link is ${link}`);
      setTimeout(() => { button.textContent = "Copy link"; }, 2500);
    }
  }

  // Scrolls a box, and nothing around it, so that a part of it can be seen.
  function reveal(box, part, share = 0.4) {
    if (!part) return;
    const frame = box.getBoundingClientRect();
    const at = part.getBoundingClientRect();
    const head = box.querySelector(".lane-heads")?.offsetHeight || 0;
    if (at.top < frame.top + head || at.bottom > frame.bottom) box.scrollTop += at.top - frame.top - box.clientHeight * share;
  }

  // Scrolls a swimlane sideways until the lane of a step can be seen beside the words.
  function revealLane(box, column) {
    const lane = box.querySelectorAll(".head-lanes span")[column];
    const words = box.querySelector(".head-step").offsetWidth;
    const left = words + lane.offsetLeft - box.querySelector(".head-lanes").offsetLeft;
    if (left - box.scrollLeft < words) box.scrollLeft = left - words;
    else if (left + lane.offsetWidth - box.scrollLeft > box.clientWidth) box.scrollLeft = left + lane.offsetWidth - box.clientWidth;
  }

  let active = null;
  const players = [...document.querySelectorAll("[data-trace]")].map((section) => new Player(section));
  const near = new IntersectionObserver((seen) => {
    for (const one of seen) if (one.isIntersecting) players.find((player) => player.section === one.target).begin();
  }, { rootMargin: "600px" });
  for (const one of players) near.observe(one.section);

  // `#step=7`, `#RULE`, `#RULE&step=7`
  function follow() {
    const parts = decodeURIComponent(location.hash.slice(1)).split("&");
    const wanted = parts.find((part) => part.startsWith("step="));
    const name = parts.find((part) => !part.startsWith("step="));
    const player = name ? players.find((one) => one.anchor === name) : players[0];
    const target = name && document.getElementById(name);
    if (target instanceof HTMLDetailsElement) target.open = true;
    const around = target?.closest("details");
    if (around) around.open = true;
    if (!player || (name === undefined && wanted === undefined)) { if (around) target.scrollIntoView(); return; }
    active = player;
    if (wanted) player.show(Number.parseInt(wanted.slice(5), 10) || 1, true);
    player.section.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  if (location.hash) follow();

  const KEYS = { ArrowRight: "on", ArrowLeft: "back", Home: "first", End: "last" };
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !players.length) return;
    const where = KEYS[event.key];
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, pre, [contenteditable]");
    if (!where || typing) return;
    const player = active || (players.length === 1 || event.key.startsWith("Arrow") ? players[0] : null);
    if (!player) return;
    event.preventDefault();
    player.go(where);
  });
})();
