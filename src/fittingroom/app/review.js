// The review page: the queue on the left, the drawing area in the middle, what belongs to the tool on the right.

function startReview(root, server) {
  const page = root.querySelector(".review") ?? root.appendChild(make("div.review"));
  const remember = (key, value) => {
    try {
      localStorage.setItem(`fittingroom-${key}`, value);
    } catch {
      /* private window */
    }
  };
  const remembered = (key) => {
    try {
      return localStorage.getItem(`fittingroom-${key}`);
    } catch {
      return null;
    }
  };
  const state = {
    who: remembered("who") ?? "",
    language: remembered("language") ?? (navigator.language?.startsWith("ru") ? "ru" : "en"),
    filter: { state: "open", role: "", text: "" },
    entries: [],
    total: 0,
    counts: {},
    item: null,
    tools: {},
    tab: "",
    view: "items",
  };
  const parts = {};

  const text = (key, values = {}) => {
    const found = key.split(".").reduce((table, name) => table?.[name], app.start?.words[state.language]);
    return (found ?? key.split(".").at(-1)).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  };
  const word = (table, name) => app.start.words[state.language][table]?.[name] ?? name;

  // --- messages ---------------------------------------------------------------------------------------------------
  function say(message, kind = "good", ...buttons) {
    clearTimeout(say.timer);
    parts.toast.replaceChildren(
      make("span", {}, message),
      ...buttons,
      make(
        "button.quiet",
        {
          onclick: () => {
            parts.toast.className = "toast";
          },
        },
        "×",
      ),
    );
    parts.toast.className = `toast shown ${kind}`;
    if (kind === "good")
      say.timer = setTimeout(() => {
        parts.toast.className = "toast";
      }, 3500);
  }

  async function ask(request) {
    page.classList.add("busy");
    let answer;
    try {
      answer = await server.call(request);
    } catch {
      answer = { error: text("message.gone") };
    }
    page.classList.remove("busy");
    if (answer.error) {
      const again =
        answer.conflict &&
        make(
          "button",
          {
            onclick: () => {
              parts.toast.className = "toast";
              state.view === "pairs" ? showPairs(state.file) : open(state.item.entry, state.tab, true);
            },
          },
          text("action.reload"),
        );
      say(answer.error, "bad", ...(again ? [again] : []));
      return null;
    }
    return answer;
  }

  // While an item is loaded or saved its tools are made anew: nothing may be drawn in the meantime, it would be lost.
  let locks = 0;
  async function locked(work) {
    locks += 1;
    page.classList.add("locked");
    try {
      return await work();
    } finally {
      locks -= 1;
      if (!locks) page.classList.remove("locked");
    }
  }

  function dialog(title, body, buttons) {
    return new Promise((resolve) => {
      const box = make(
        "dialog.review-dialog",
        {},
        make("h3", {}, title),
        body,
        make(
          "div.row",
          {},
          buttons.map(([name, value, kind = ""]) =>
            make(
              `button${kind}`,
              {
                onclick: () => {
                  box.close();
                  box.remove();
                  resolve(value);
                },
              },
              name,
            ),
          ),
        ),
      );
      box.oncancel = () => {
        box.remove();
        resolve(null);
      };
      page.append(box);
      box.showModal();
    });
  }

  async function askWho() {
    const input = make("input", { value: state.who, placeholder: text("who.example"), autofocus: true });
    input.onkeydown = (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        input.closest("dialog").querySelector("button.primary").click();
      }
    };
    const kept = await dialog(text("who.title"), make("div", {}, make("p", {}, text("who.why")), input), [
      [text("action.keep"), true, ".primary"],
    ]);
    if (kept && input.value.trim()) {
      state.who = input.value.trim();
      remember("who", state.who);
      view.renderHead();
    }
    return state.who;
  }

  // --- what is not saved yet --------------------------------------------------------------------------------------
  const tools = () => (state.view === "pairs" ? [state.pairs] : Object.values(state.tools)).filter(Boolean);
  const isDirty = (tool) => Boolean(tool && (tool.steps ? tool.steps.dirty : tool.dirty));
  const dirty = () => tools().some(isDirty);

  async function mayLeave() {
    if (!dirty()) return true;
    const answer = await dialog(text("unsaved.title"), make("p", {}, text("unsaved.text")), [
      [text("action.save"), "save", ".primary"],
      [text("action.discard"), "discard"],
      [text("action.stay"), null],
    ]);
    return answer === "save" ? save() : answer === "discard";
  }

  // --- the queue --------------------------------------------------------------------------------------------------
  async function list(more = false) {
    const offset = more ? state.entries.length : 0;
    const answer = await ask({ do: "list", ...state.filter, offset, count: 40 });
    if (!answer) return;
    state.entries = more ? [...state.entries, ...answer.entries] : answer.entries;
    Object.assign(state, { total: answer.total, counts: answer.counts });
    view.renderQueue();
  }

  async function go(entry) {
    if (!view.isOpen(entry) && (await mayLeave())) await open(entry);
  }

  async function step(by) {
    const at = state.entries.findIndex(view.isOpen);
    if (at + by >= state.entries.length && state.entries.length < state.total) await list(true);
    const next = state.entries[at < 0 ? 0 : clamp(at + by, 0, state.entries.length - 1)];
    if (next && !view.isOpen(next)) await go(next);
  }

  // --- an item ----------------------------------------------------------------------------------------------------
  const open = (entry, tab = "", quiet = false) => locked(() => load(entry, tab, quiet));
  async function load(entry, tab, quiet) {
    const answer = await ask({ do: "open", role: entry.role, item: entry.item });
    if (!answer) return;
    const image = new Image();
    image.src = answer.image;
    await image.decode();
    state.view = "items";
    state.item = { ...answer, bitmap: image };
    state.tools = {};
    for (const [condition, found] of Object.entries(answer.documents)) await makeTool(condition, found);
    const names = Object.keys(answer.documents);
    const worst = answer.entry.findings.map(([condition]) => condition).find((name) => names.includes(name));
    // the worst condition first; where nothing is odd, the one that was looked at before
    state.tab = [tab, worst, state.tab].find((name) => names.includes(name)) ?? names[0];
    if (!quiet) {
      app.stage.image = null;
      parts.note.value = "";
    } // another photo is shown whole
    if (!quiet) parts.toast.className = "toast";
    view.renderQueue();
    view.render();
  }

  const maskLabels = (condition) => [
    { id: 0, name: text(`mask.${condition}.off`), colour: [60, 60, 60] },
    { id: 1, name: text(`mask.${condition}.on`), colour: [255, 64, 96] },
  ];

  async function makeTool(condition, found) {
    const before = state.tools[condition],
      { width, height } = state.item;
    if (condition === "pose") state.tools.pose = new PoseTool(found.value, app.start);
    else if (condition.endsWith("caption"))
      state.tools[condition] = new CaptionForm(make("div.caption"), found.value, text, view.refresh);
    else {
      const labels = condition === "parse" ? app.start.labels : maskLabels(condition);
      const tool = new PaintTool(await unpack(found.value), width, height, labels);
      for (const key of ["kind", "label", "size", "opacity"])
        if (before?.[key] !== undefined || state.brush?.[key] !== undefined)
          tool[key] = before?.[key] ?? (key === "label" ? tool.label : state.brush[key]);
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

  async function save() {
    return state.who || (await askWho()) ? locked(write) : false;
  }

  async function write() {
    const note = parts.note?.value ?? "";
    if (state.view === "pairs") {
      const answer = await ask({
        do: "save",
        role: "",
        item: state.pairs.file.name,
        condition: "pairs",
        value: state.pairs.value(),
        opened: state.pairs.file.opened,
        who: state.who,
        note,
      });
      if (!answer) return false;
      say(text(answer.changed ? "message.saved" : "message.same"));
      await showPairs(answer.file.name);
      return true;
    }
    const wanted = Object.keys(state.tools).filter((name) => isDirty(state.tools[name]));
    if (!wanted.length) {
      say(text("message.same"));
      return true;
    }
    const again = [];
    for (const condition of wanted) {
      const tool = state.tools[condition];
      let value;
      try {
        value = tool instanceof PaintTool ? await pack(tool.value()) : tool.value();
      } catch (error) {
        say(error.message, "bad");
        return false;
      }
      const selected = tool.selected;
      const answer = await ask({
        do: "save",
        role: state.item.entry.role,
        item: state.item.entry.item,
        condition,
        value,
        opened: state.item.documents[condition].opened,
        who: state.who,
        note,
      });
      if (!answer) {
        view.render();
        return false;
      }
      await changed(condition, answer);
      if (selected !== undefined) state.tools[condition].selected = selected;
      again.push(...answer.again);
    }
    parts.note.value = "";
    say([text("message.saved"), ...again.map(view.madeAgain)].join(" · "));
    if (again.length) await open(state.item.entry, state.tab, true);
    view.renderQueue();
    view.render();
    return true;
  }

  async function past(request) {
    if (state.who || (await askWho())) await locked(() => goBack(request));
  }

  async function goBack(request) {
    const pairs = state.view === "pairs",
      condition = pairs ? "pairs" : state.tab;
    const opened = pairs ? state.pairs.file.opened : state.item.documents[condition].opened;
    const answer = await ask({
      ...request,
      role: pairs ? "" : state.item.entry.role,
      item: pairs ? state.pairs.file.name : state.item.entry.item,
      condition,
      opened,
      who: state.who,
    });
    if (!answer) return;
    say([text("message.restored"), ...answer.again.map(view.madeAgain)].join(" · "));
    if (pairs) await showPairs(answer.file.name);
    else if (answer.again.length) await open(state.item.entry, condition, true);
    else {
      await changed(condition, answer);
      view.renderQueue();
      view.render();
    }
  }

  async function setState(name) {
    if (!state.who && !(await askWho())) return;
    if (dirty() && !(await save())) return;
    const entry = state.item.entry,
      at = state.entries.findIndex(view.isOpen);
    const answer = await ask({ do: "state", role: entry.role, item: entry.item, state: name, who: state.who });
    if (!answer) return;
    Object.assign(state.item.entry, answer.entry);
    await list();
    const next =
      state.filter.state && state.filter.state !== name
        ? state.entries[Math.min(Math.max(at, 0), state.entries.length - 1)]
        : null;
    if (next) await open(next);
    else {
      view.renderQueue();
      view.render();
    }
  }

  async function showPairs(name) {
    const answer = await ask({ do: "pairs" });
    if (!answer) return;
    if (!answer.files.length) {
      say(text("pairs.none"), "bad");
      return;
    }
    const file = answer.files.find((each) => each.name === name) ?? answer.files[0];
    Object.assign(state, { view: "pairs", file: file.name, pairFiles: answer.files });
    state.pairs = new PairsForm(make("div.pairs"), file, answer.columns, text, view.refresh);
    view.renderQueue();
    view.render();
  }

  function onKey(event) {
    if (!page.isConnected || locks || page.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase(),
      command = event.ctrlKey || event.metaKey;
    const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName) && event.target.type !== "range";
    const tool = state.view === "items" ? state.tools[state.tab] : null;
    if (command && key === "s") {
      event.preventDefault();
      save();
      return;
    }
    if (typing || (command && !["z", "y"].includes(key))) return;
    const actions = {
      n: () => step(1),
      p: () => step(-1),
      s: save,
      0: () => app.stage.fit(),
      1: () => app.stage.zoom(1 / app.stage.scale),
      2: () => app.stage.zoom(2 / app.stage.scale),
      4: () => app.stage.zoom(4 / app.stage.scale),
      "+": () => app.stage.zoom(1.25),
      "=": () => app.stage.zoom(1.25),
      "-": () => app.stage.zoom(0.8),
      "?": view.help,
    };
    if (command) {
      if (tool?.steps) {
        key === "y" || event.shiftKey ? tool.steps.redo() : tool.steps.undo();
        view.after();
      }
    } else if (event.key === " ") app.stage.space = true;
    else if (tool?.key?.(event)) view.after();
    else if (actions[key]) actions[key]();
    else return;
    event.preventDefault();
  }

  function build() {
    Object.assign(parts, {
      head: make("header"),
      filters: make("div.filters"),
      queue: make("div.queue"),
      tabs: make("nav"),
      tools: make("div.tools"),
      canvas: make("canvas"),
      form: make("div.form", { hidden: true }),
      side: make("aside"),
      toast: make("div.toast", { role: "status" }),
      zoom: make("output"),
      zoomer: make("div.zoomer"),
      note: make("input.note"),
      save: make("button.primary.save", { onclick: save, disabled: true }),
      search: make("input.search", { type: "search" }),
      roles: make("select"),
    });
    parts.search.oninput = () => {
      clearTimeout(parts.search.timer);
      parts.search.timer = setTimeout(() => {
        state.filter.text = parts.search.value;
        list();
      }, 250);
    };
    parts.roles.onchange = () => {
      state.filter.role = parts.roles.value;
      list();
    };
    page.replaceChildren(
      parts.head,
      make("div.left", {}, make("div.row", {}, parts.search, parts.roles), parts.filters, parts.queue),
      make("main", {}, parts.tabs, parts.tools, make("div.stage", {}, parts.canvas, parts.form, parts.zoomer)),
      parts.side,
      parts.toast,
    );
    app.stage = new Stage(parts.canvas, view.refresh);
  }

  async function home() {
    await list();
    if (state.entries.length) await open(state.entries[0]);
    else view.renderHead();
  }

  const app = { start: null, stage: null, parts, state, text, word, remember };
  Object.assign(app, { askWho, dialog, dirty, go, home, isDirty, list, mayLeave, open, past, setState, showPairs });
  const view = reviewView(app);

  (async () => {
    build();
    app.start = await ask({ do: "start" });
    if (!app.start) return;
    view.relabel();
    document.addEventListener("keydown", onKey);
    document.addEventListener("keyup", (event) => {
      if (event.key === " ") app.stage.space = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (dirty()) event.preventDefault();
    });
    await home();
    page.dataset.ready = "yes";
    if (!state.who) await askWho();
  })();
}
