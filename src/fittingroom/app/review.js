// The review page: the queue on the left, the drawing area in the middle, what belongs to the tool on the right.

function startReview(root, server) {
  const page = root.querySelector(".review") ?? root.appendChild(make("div.review"));
  const remember = (key, value) => { try { localStorage.setItem(`fittingroom-${key}`, value); } catch { /* private window */ } };
  const remembered = (key) => { try { return localStorage.getItem(`fittingroom-${key}`); } catch { return null; } };
  const state = {
    who: remembered("who") ?? "", language: remembered("language") ?? (navigator.language?.startsWith("ru") ? "ru" : "en"),
    filter: { state: "open", role: "", text: "" }, entries: [], total: 0, counts: {}, item: null, tools: {}, tab: "", view: "items",
  };
  let start = null, stage = null, parts = {};

  const text = (key, values = {}) => {
    const found = key.split(".").reduce((table, name) => table?.[name], start?.words[state.language]);
    return (found ?? key.split(".").at(-1)).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  };
  const word = (table, name) => start.words[state.language][table]?.[name] ?? name;

  // --- messages ---------------------------------------------------------------------------------------------------
  function say(message, kind = "good", ...buttons) {
    clearTimeout(say.timer);
    parts.toast.replaceChildren(make("span", {}, message), ...buttons, make("button.quiet", { onclick: () => { parts.toast.className = "toast"; } }, "×"));
    parts.toast.className = `toast shown ${kind}`;
    if (kind === "good") say.timer = setTimeout(() => { parts.toast.className = "toast"; }, 3500);
  }

  async function ask(request) {
    page.classList.add("busy");
    let answer;
    try { answer = await server.call(request); } catch { answer = { error: text("message.gone") }; }
    page.classList.remove("busy");
    if (answer.error) {
      const again = answer.conflict && make("button", { onclick: () => { parts.toast.className = "toast"; state.view === "pairs" ? showPairs(state.file) : open(state.item.entry, state.tab, true); } }, text("action.reload"));
      say(answer.error, "bad", ...(again ? [again] : []));
      return null;
    }
    return answer;
  }

  // While an item is loaded or saved its tools are made anew: nothing may be drawn in the meantime, it would be lost.
  let locks = 0;
  async function locked(work) {
    locks += 1; page.classList.add("locked");
    try { return await work(); } finally { locks -= 1; if (!locks) page.classList.remove("locked"); }
  }

  function dialog(title, body, buttons) {
    return new Promise((resolve) => {
      const box = make("dialog.review-dialog", {}, make("h3", {}, title), body,
        make("div.row", {}, buttons.map(([name, value, kind = ""]) => make(`button${kind}`, { onclick: () => { box.close(); box.remove(); resolve(value); } }, name))));
      box.oncancel = () => { box.remove(); resolve(null); };
      page.append(box);
      box.showModal();
    });
  }

  async function askWho() {
    const input = make("input", { value: state.who, placeholder: text("who.example"), autofocus: true });
    input.onkeydown = (event) => { if (event.key === "Enter") { event.preventDefault(); input.closest("dialog").querySelector("button.primary").click(); } };
    const kept = await dialog(text("who.title"), make("div", {}, make("p", {}, text("who.why")), input), [[text("action.keep"), true, ".primary"]]);
    if (kept && input.value.trim()) { state.who = input.value.trim(); remember("who", state.who); renderHead(); }
    return state.who;
  }

  // --- what is not saved yet --------------------------------------------------------------------------------------
  const tools = () => (state.view === "pairs" ? [state.pairs] : Object.values(state.tools)).filter(Boolean);
  const isDirty = (tool) => Boolean(tool && (tool.steps ? tool.steps.dirty : tool.dirty));
  const dirty = () => tools().some(isDirty);

  async function mayLeave() {
    if (!dirty()) return true;
    const answer = await dialog(text("unsaved.title"), make("p", {}, text("unsaved.text")),
      [[text("action.save"), "save", ".primary"], [text("action.discard"), "discard"], [text("action.stay"), null]]);
    return answer === "save" ? save() : answer === "discard";
  }

  // --- the queue --------------------------------------------------------------------------------------------------
  async function list(more = false) {
    const offset = more ? state.entries.length : 0;
    const answer = await ask({ do: "list", ...state.filter, offset, count: 40 });
    if (!answer) return;
    state.entries = more ? [...state.entries, ...answer.entries] : answer.entries;
    Object.assign(state, { total: answer.total, counts: answer.counts });
    renderQueue();
  }

  const reason = ([condition, key, value]) => `${word("condition", condition)}: ${start.words[state.language].reason[key] ? text(`reason.${key}`, { value: joints(value) }) : key}`;
  const joints = (value) => value.split(", ").map((name) => ["joint", "part", "condition"].map((table) => word(table, name)).find((found) => found !== name) ?? name).join(", ");
  const madeAgain = (name) => (start.words[state.language].condition[name] ? text("message.again", { value: word("condition", name) }) : name);
  const isOpen = (entry) => state.view === "items" && state.item?.entry.item === entry.item && state.item.entry.role === entry.role;

  function renderQueue() {
    const marks = { done: "✓", skip: "→", reject: "✕", open: "" };
    parts.queue.replaceChildren(
      ...state.entries.map((entry) => make(`button.item${isOpen(entry) ? ".chosen" : ""}`, { onclick: () => go(entry), title: entry.findings.map(reason).join("\n") },
        entry.thumb ? make("img", { src: entry.thumb, alt: "" }) : make("span.nothing"),
        make("span.name", {}, entry.item, make(`b.mark.${entry.state}`, {}, marks[entry.state])),
        make("span.why", {}, entry.findings.length ? reason(entry.findings[0]) + (entry.findings.length > 1 ? ` +${entry.findings.length - 1}` : "") : text("queue.fine")),
        make("span.score", {}, make("i", { style: `width:${entry.score * 100}%;background:hsl(${entry.score * 110} 60% 45%)` })))),
      state.entries.length < state.total && make("button.more", { onclick: () => list(true) }, text("queue.more", { n: state.total - state.entries.length })) || "",
      state.total ? "" : make("p.empty", {}, text("queue.empty")));
    for (const button of parts.filters.children) button.textContent = `${word("state", button.dataset.state)} ${button.dataset.state ? state.counts[button.dataset.state] ?? 0 : Object.values(state.counts).reduce((a, b) => a + b, 0)}`;
  }

  async function go(entry) { if (!isOpen(entry) && await mayLeave()) await open(entry); }

  async function step(by) {
    const at = state.entries.findIndex(isOpen);
    if (at + by >= state.entries.length && state.entries.length < state.total) await list(true);
    const next = state.entries[at < 0 ? 0 : clamp(at + by, 0, state.entries.length - 1)];
    if (next && !isOpen(next)) await go(next);
  }

  // --- an item ----------------------------------------------------------------------------------------------------
  const open = (entry, tab = "", quiet = false) => locked(() => load(entry, tab, quiet));
  async function load(entry, tab, quiet) {
    const answer = await ask({ do: "open", role: entry.role, item: entry.item });
    if (!answer) return;
    const image = new Image();
    image.src = answer.image;
    await image.decode();
    state.view = "items"; state.item = { ...answer, bitmap: image };
    state.tools = {};
    for (const [condition, found] of Object.entries(answer.documents)) if (found.place) await makeTool(condition, found);
    const names = Object.keys(answer.documents).filter((name) => answer.documents[name].place);
    const worst = answer.entry.findings.map(([condition]) => condition).find((name) => names.includes(name));
    // the worst condition first; where nothing is odd, the one that was looked at before
    state.tab = [tab, worst, state.tab].find((name) => names.includes(name)) ?? names[0];
    if (!quiet) { stage.image = null; parts.note.value = ""; } // another photo is shown whole
    if (!quiet) parts.toast.className = "toast";
    renderQueue(); render();
  }

  const maskLabels = (condition) => [
    { id: 0, name: text(`mask.${condition}.off`), colour: [60, 60, 60] }, { id: 1, name: text(`mask.${condition}.on`), colour: [255, 64, 96] }];

  async function makeTool(condition, found) {
    const before = state.tools[condition], { width, height } = state.item;
    if (condition === "pose") state.tools.pose = new PoseTool(found.value, start);
    else if (condition.endsWith("caption")) state.tools[condition] = new CaptionForm(make("div.caption"), found.value, text, refresh);
    else {
      const labels = condition === "parse" ? start.labels : maskLabels(condition);
      const tool = new PaintTool(await unpack(found.value), width, height, labels);
      for (const key of ["kind", "label", "size", "opacity"]) if (before?.[key] !== undefined || state.brush?.[key] !== undefined) tool[key] = before?.[key] ?? (key === "label" ? tool.label : state.brush[key]);
      state.tools[condition] = tool;
    }
  }

  async function changed(condition, answer) {
    state.item.entry = answer.entry;
    state.item.documents[condition] = answer.document;
    await makeTool(condition, answer.document);
    const shown = state.entries.find((entry) => entry.item === answer.entry.item && entry.role === answer.entry.role);
    if (shown) Object.assign(shown, answer.entry);
  }

  async function save() { return (state.who || await askWho()) ? locked(write) : false; }

  async function write() {
    const note = parts.note?.value ?? "";
    if (state.view === "pairs") {
      const answer = await ask({ do: "save", role: "", item: state.pairs.file.name, condition: "pairs", value: state.pairs.value(), opened: state.pairs.file.opened, who: state.who, note });
      if (!answer) return false;
      say(text(answer.changed ? "message.saved" : "message.same"));
      await showPairs(answer.file.name);
      return true;
    }
    const wanted = Object.keys(state.tools).filter((name) => isDirty(state.tools[name]));
    if (!wanted.length) { say(text("message.same")); return true; }
    const again = [];
    for (const condition of wanted) {
      const tool = state.tools[condition];
      let value;
      try { value = tool instanceof PaintTool ? await pack(tool.value()) : tool.value(); } catch (error) { say(error.message, "bad"); return false; }
      const selected = tool.selected;
      const answer = await ask({ do: "save", role: state.item.entry.role, item: state.item.entry.item, condition, value, opened: state.item.documents[condition].opened, who: state.who, note });
      if (!answer) { render(); return false; }
      await changed(condition, answer);
      if (selected !== undefined) state.tools[condition].selected = selected;
      again.push(...answer.again);
    }
    parts.note.value = "";
    say([text("message.saved"), ...again.map(madeAgain)].join(" · "));
    if (again.length) await open(state.item.entry, state.tab, true);
    renderQueue(); render();
    return true;
  }

  async function past(request) { if (state.who || await askWho()) await locked(() => goBack(request)); }

  async function goBack(request) {
    const pairs = state.view === "pairs", condition = pairs ? "pairs" : state.tab;
    const opened = pairs ? state.pairs.file.opened : state.item.documents[condition].opened;
    const answer = await ask({ ...request, role: pairs ? "" : state.item.entry.role, item: pairs ? state.pairs.file.name : state.item.entry.item, condition, opened, who: state.who });
    if (!answer) return;
    say([text("message.restored"), ...answer.again.map(madeAgain)].join(" · "));
    if (pairs) await showPairs(answer.file.name);
    else if (answer.again.length) await open(state.item.entry, condition, true);
    else { await changed(condition, answer); renderQueue(); render(); }
  }

  async function setState(name) {
    if (!state.who && !await askWho()) return;
    if (dirty() && !await save()) return;
    const entry = state.item.entry, at = state.entries.findIndex(isOpen);
    const answer = await ask({ do: "state", role: entry.role, item: entry.item, state: name, who: state.who });
    if (!answer) return;
    Object.assign(state.item.entry, answer.entry);
    await list();
    const next = state.filter.state && state.filter.state !== name ? state.entries[Math.min(Math.max(at, 0), state.entries.length - 1)] : null;
    if (next) await open(next); else { renderQueue(); render(); }
  }

  async function showPairs(name) {
    const answer = await ask({ do: "pairs" });
    if (!answer) return;
    if (!answer.files.length) { say(text("pairs.none"), "bad"); return; }
    const file = answer.files.find((each) => each.name === name) ?? answer.files[0];
    Object.assign(state, { view: "pairs", file: file.name, pairFiles: answer.files });
    state.pairs = new PairsForm(make("div.pairs"), file, answer, text, refresh);
    renderQueue(); render();
  }

  // --- drawing the page -------------------------------------------------------------------------------------------
  const tabs = () => (state.view === "pairs" ? state.pairFiles.map((file) => file.name) : Object.keys(state.tools));

  function renderHead() {
    parts.head.replaceChildren(
      make("b", {}, "fittingroom"), make("span.soft", {}, `${start.dataset} · ${text("head.review")}`), make("span.grow"),
      make(`button${state.view === "pairs" ? ".chosen" : ""}`, { onclick: async () => { if (await mayLeave()) state.view === "pairs" ? (state.item ? await open(state.item.entry) : start_()) : await showPairs(); } }, text(state.view === "pairs" ? "head.items" : "head.pairs")),
      make("button", { onclick: askWho, title: text("who.title") }, state.who || text("who.nobody")),
      make("button", { onclick: () => { state.language = state.language === "ru" ? "en" : "ru"; remember("language", state.language); relabel(); } }, state.language === "ru" ? "English" : "Русский"),
      make("button", { onclick: help, title: text("help.title") }, "?"));
  }

  function help() {
    const rows = Object.entries(start.words[state.language].keys).map(([keys, meaning]) => make("tr", {}, make("td", {}, keys.split(" ").map((key) => make("kbd", {}, key))), make("td", {}, meaning)));
    dialog(text("help.title"), make("table.keys", {}, rows), [[text("action.close"), null, ".primary"]]);
  }

  function render() {
    renderHead();
    const pairs = state.view === "pairs";
    if (!pairs && !state.item) return;
    const tool = pairs ? state.pairs : state.tools[state.tab], drawn = Boolean(tool?.steps);
    const documentOf = pairs ? tool.file : state.item.documents[state.tab];
    parts.tabs.replaceChildren(...tabs().map((name) => make(`button${name === (pairs ? state.file : state.tab) ? ".chosen" : ""}`, {
      onclick: async () => { if (!pairs) { state.tab = name; render(); } else if (await mayLeave()) await showPairs(name); } },
      pairs ? name : word("condition", name), !pairs && isDirty(state.tools[name]) && make("i.dot"))));
    parts.canvas.hidden = !drawn;
    parts.form.hidden = drawn;
    if (drawn) stage.show(state.item.bitmap, tool);
    else parts.form.replaceChildren(...(pairs ? [tool.element] : [make("img.photo", { src: state.item.image, alt: "" }), tool.element]));
    renderTools(tool);
    renderSide(tool, documentOf);
    refresh();
  }

  function renderTools(tool) {
    const undo = tool?.steps && [
      make("button.undo", { onclick: () => { tool.steps.undo(); after(); }, title: "Ctrl+Z" }, "↶"), make("button.redo", { onclick: () => { tool.steps.redo(); after(); }, title: "Ctrl+Y" }, "↷")];
    const kinds = tool instanceof PaintTool && [["brush", "B"], ["eraser", "E"], ["fill", "F"], ["polygon", "G"], ["pick", "I"]].map(([kind, key]) =>
      make(`button${tool.kind === kind ? ".chosen" : ""}`, { title: key, "data-kind": kind, onclick: () => { tool.kind = kind; tool.polygon = []; after(); } }, word("tool", kind)));
    const slider = (name, low, high, step, get, set) => make("label", {}, text(`tool.${name}`), make("input", { type: "range", min: low, max: high, step, value: get(), "data-name": name, oninput: (event) => { set(Number(event.target.value)); refresh(); stage.draw(); } }), make("output", {}, String(get())));
    parts.tools.replaceChildren(...[undo, kinds,
      tool instanceof PaintTool && [slider("size", 1, 120, 1, () => tool.size, (value) => { tool.size = value; }), slider("opacity", 0.1, 1, 0.05, () => tool.opacity, (value) => { tool.opacity = value; })],
      tool instanceof PoseTool && make("button", { onclick: () => { tool.mirror(); after(); }, title: "M" }, `⇄ ${text("tool.mirror")}`),
    ].flat().filter(Boolean));
    parts.zoomer.hidden = !tool?.steps;
    parts.zoomer.replaceChildren(make("button", { onclick: () => stage.zoom(0.8), title: "−" }, "−"), parts.zoom, make("button", { onclick: () => stage.zoom(1.25), title: "+" }, "+"), make("button", { onclick: () => stage.fit(), title: "0" }, text("tool.fit")));
  }

  function jointRow(tool, name, index) {
    const seen = tool.rows[index][3];
    return make(`div.joint${tool.selected === index ? ".chosen" : ""}`, { onclick: () => { tool.selected = index; after(); } },
      make("i.swatch", { style: `background:${PoseTool.colour(index)}` }), make("span.grow", {}, word("joint", name)),
      ...[[SEEN, "●"], [HIDDEN, "◌"], [ABSENT, "✕"]].map(([value, sign]) => make(`button.quiet${seen === value ? ".on" : ""}`, { title: word("seen", String(value)), "data-seen": String(value),
        onclick: (event) => { event.stopPropagation(); tool.selected = index; tool.visibility(index, value); after(); } }, sign)));
  }

  function labelRow(tool, { id, name, colour }) {
    return make(`div.label${tool.label === id ? ".chosen" : ""}`, { "data-label": String(id), onclick: () => { tool.label = id; if (tool.kind === "eraser") tool.kind = "brush"; after(); } },
      make("i.swatch", { style: `background:rgb(${colour.join(" ")})` }), make("span.grow", {}, tool.labels === start.labels ? word("part", name) : name), make("small", {}, String(id)));
  }

  function renderSide(tool, documentOf) {
    const scroll = parts.side.querySelector(".options")?.scrollTop ?? 0;
    const pairs = state.view === "pairs";
    const versions = documentOf.history.flatMap((line, index) => [
      make("li", {}, make("b", {}, line.who), ` ${line.when.replace("T", " ").replace("Z", "").slice(0, 16)}`, line.note && make("em", {}, line.note),
        index > 0 && line.after && make("button.quiet", { onclick: () => past({ do: "restore", version: line.after }) }, text("action.restore"))),
      index === documentOf.history.length - 1 && line.before && make("li", {}, text("history.first"), make("button.quiet", { onclick: () => past({ do: "restore", version: line.before }) }, text("action.restore")))]);
    const why = pairs ? [] : state.item.entry.findings.filter(([condition]) => condition === state.tab);
    parts.side.replaceChildren(
      pairs ? make("p.soft", {}, text("pairs.help")) : make("div.about", {}, make("b", {}, state.item.entry.item), make("span.soft", {}, ` ${word("role", state.item.entry.role)} · ${state.item.width}×${state.item.height}`)),
      ...why.map((finding) => make("p.reason", {}, reason(finding).replace(/^[^:]*: /, ""))),
      documentOf.error && make("p.reason", {}, documentOf.error) || "",
      make("div.options", {}, tool instanceof PoseTool ? start.joints.map((name, index) => jointRow(tool, name, index)) : tool instanceof PaintTool ? tool.labels.map((label) => labelRow(tool, label)) : ""),
      make("details.history", { open: false }, make("summary", {}, text("history.title", { n: documentOf.history.length })), make("ul", {}, versions.filter(Boolean)),
        documentOf.can_undo && make("button", { onclick: () => past({ do: "undo" }) }, text("action.undo_saved"))),
      parts.note, parts.save,
      pairs ? "" : make("div.states", {}, start.states.map((name) => make(`button${state.item.entry.state === name ? ".chosen" : ""}`, { onclick: () => setState(name), "data-set": name }, word("state", name)))));
    parts.side.querySelector(".options").scrollTop = scroll;
  }

  function after() { const tool = state.tools[state.tab]; renderTools(tool); renderSide(tool, state.item.documents[state.tab]); stage.refresh(); }

  // What changes with every stroke: cheap.
  function refresh() {
    const tool = state.view === "pairs" ? state.pairs : state.tools[state.tab];
    parts.save.disabled = !dirty();
    parts.canvas.dataset.view = JSON.stringify({ scale: stage.scale, left: stage.left, top: stage.top });
    parts.zoom.textContent = `${Math.round(stage.scale * 100)} %`;
    if (tool instanceof PaintTool) {
      state.brush = { kind: tool.kind, size: tool.size, opacity: tool.opacity };
      for (const name of ["size", "opacity"]) {
        const input = parts.tools.querySelector(`[data-name=${name}]`);
        if (input) { input.value = tool[name]; input.nextSibling.textContent = name === "size" ? String(tool.size) : `${Math.round(tool.opacity * 100)} %`; }
      }
    }
    if (tool instanceof PoseTool && tool.selected !== refresh.selected) { refresh.selected = tool.selected; renderSide(tool, state.item.documents[state.tab]); }
    if (tool?.steps) {
      parts.tools.querySelector(".undo")?.toggleAttribute("disabled", !tool.steps.done.length);
      parts.tools.querySelector(".redo")?.toggleAttribute("disabled", !tool.steps.undone.length);
    }
    parts.canvas.style.cursor = stage.panning ? "grabbing" : tool instanceof PaintTool ? "crosshair" : "default";
  }

  function onKey(event) {
    if (!page.isConnected || locks || page.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase(), command = event.ctrlKey || event.metaKey;
    const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName) && event.target.type !== "range";
    const tool = state.view === "items" ? state.tools[state.tab] : null;
    if (command && key === "s") { event.preventDefault(); save(); return; }
    if (typing || (command && !["z", "y"].includes(key))) return;
    const actions = { n: () => step(1), p: () => step(-1), s: save, 0: () => stage.fit(), 1: () => stage.zoom(1 / stage.scale), 2: () => stage.zoom(2 / stage.scale), 4: () => stage.zoom(4 / stage.scale), "+": () => stage.zoom(1.25), "=": () => stage.zoom(1.25), "-": () => stage.zoom(0.8), "?": help };
    if (command) {
      if (tool?.steps) { key === "y" || event.shiftKey ? tool.steps.redo() : tool.steps.undo(); after(); }
    } else if (event.key === " ") stage.space = true;
    else if (tool?.key?.(event)) after();
    else if (actions[key]) actions[key]();
    else return;
    event.preventDefault();
  }

  function build() {
    parts = { head: make("header"), filters: make("div.filters"), queue: make("div.queue"), tabs: make("nav"), tools: make("div.tools"), canvas: make("canvas"), form: make("div.form", { hidden: true }),
      side: make("aside"), toast: make("div.toast", { role: "status" }), zoom: make("output"), zoomer: make("div.zoomer"), note: make("input.note"), save: make("button.primary.save", { onclick: save, disabled: true }), search: make("input.search", { type: "search" }), roles: make("select") };
    parts.search.oninput = () => { clearTimeout(parts.search.timer); parts.search.timer = setTimeout(() => { state.filter.text = parts.search.value; list(); }, 250); };
    parts.roles.onchange = () => { state.filter.role = parts.roles.value; list(); };
    page.replaceChildren(parts.head, make("div.left", {}, make("div.row", {}, parts.search, parts.roles), parts.filters, parts.queue),
      make("main", {}, parts.tabs, parts.tools, make("div.stage", {}, parts.canvas, parts.form, parts.zoomer)), parts.side, parts.toast);
    stage = new Stage(parts.canvas, refresh);
  }

  function relabel() {
    parts.search.placeholder = text("queue.search"); parts.note.placeholder = text("history.note"); parts.save.textContent = text("action.save"); parts.save.title = "S";
    parts.roles.replaceChildren(...["", "person", "garment"].map((role) => make("option", { value: role, selected: role === state.filter.role }, word("role", role || "all"))));
    parts.filters.replaceChildren(...["open", "done", "skip", "reject", ""].map((name) => make(`button${name === state.filter.state ? ".chosen" : ""}`, { "data-state": name, onclick: () => { state.filter.state = name; relabel(); list(); } })));
    document.documentElement.lang = state.language;
    renderQueue(); render();
  }

  async function start_() {
    await list();
    if (state.entries.length) await open(state.entries[0]); else renderHead();
  }

  (async () => {
    build();
    start = await ask({ do: "start" });
    if (!start) return;
    relabel();
    document.addEventListener("keydown", onKey);
    document.addEventListener("keyup", (event) => { if (event.key === " ") stage.space = false; });
    window.addEventListener("beforeunload", (event) => { if (dirty()) event.preventDefault(); });
    await start_();
    page.dataset.ready = "yes";
    if (!state.who) await askWho();
  })();
}
