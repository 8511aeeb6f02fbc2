// What the review page shows: the queue, the tools, what belongs to the tool. It changes nothing by itself: `app` acts.

function reviewView(app) {
  const { parts, state, text, word } = app;

  const reason = ([condition, key, value]) =>
    `${word("condition", condition)}: ${app.start.words[state.language].reason[key] ? text(`reason.${key}`, { value: joints(value) }) : key}`;
  const joints = (value) =>
    value
      .split(", ")
      .map(
        (name) =>
          ["joint", "part", "condition"].map((table) => word(table, name)).find((found) => found !== name) ?? name,
      )
      .join(", ");
  const madeAgain = (name) =>
    app.start.words[state.language].condition[name] ? text("message.again", { value: word("condition", name) }) : name;
  const isOpen = (entry) =>
    state.view === "items" && state.item?.entry.item === entry.item && state.item.entry.role === entry.role;

  function renderQueue() {
    const marks = { done: "✓", skip: "→", reject: "✕", open: "" };
    parts.queue.replaceChildren(
      ...state.entries.map((entry) =>
        make(
          `button.item${isOpen(entry) ? ".chosen" : ""}`,
          { onclick: () => app.go(entry), title: entry.findings.map(reason).join("\n") },
          entry.thumb ? make("img", { src: entry.thumb, alt: "" }) : make("span.nothing"),
          make("span.name", {}, entry.item, make(`b.mark.${entry.state}`, {}, marks[entry.state])),
          make(
            "span.why",
            {},
            entry.findings.length
              ? reason(entry.findings[0]) + (entry.findings.length > 1 ? ` +${entry.findings.length - 1}` : "")
              : text("queue.fine"),
          ),
          make(
            "span.score",
            {},
            make("i", { style: `width:${entry.score * 100}%;background:hsl(${entry.score * 110} 60% 45%)` }),
          ),
        ),
      ),
      (state.entries.length < state.total &&
        make(
          "button.more",
          { onclick: () => app.list(true) },
          text("queue.more", { n: state.total - state.entries.length }),
        )) ||
        "",
      state.total ? "" : make("p.empty", {}, text("queue.empty")),
    );
    for (const button of parts.filters.children)
      button.textContent = `${word("state", button.dataset.state)} ${button.dataset.state ? (state.counts[button.dataset.state] ?? 0) : Object.values(state.counts).reduce((a, b) => a + b, 0)}`;
  }

  const tabs = () => (state.view === "pairs" ? state.pairFiles.map((file) => file.name) : Object.keys(state.tools));

  function renderHead() {
    parts.head.replaceChildren(
      make("b", {}, "fittingroom"),
      make("span.soft", {}, `${app.start.dataset} · ${text("head.review")}`),
      make("span.grow"),
      make(
        `button${state.view === "pairs" ? ".chosen" : ""}`,
        {
          onclick: async () => {
            if (await app.mayLeave())
              state.view === "pairs"
                ? state.item
                  ? await app.open(state.item.entry)
                  : app.home()
                : await app.showPairs();
          },
        },
        text(state.view === "pairs" ? "head.items" : "head.pairs"),
      ),
      make("button", { onclick: app.askWho, title: text("who.title") }, state.who || text("who.nobody")),
      make(
        "button",
        {
          onclick: () => {
            state.language = state.language === "ru" ? "en" : "ru";
            app.remember("language", state.language);
            relabel();
          },
        },
        state.language === "ru" ? "English" : "Русский",
      ),
      make("button", { onclick: help, title: text("help.title") }, "?"),
    );
  }

  function help() {
    const rows = Object.entries(app.start.words[state.language].keys).map(([keys, meaning]) =>
      make(
        "tr",
        {},
        make(
          "td",
          {},
          keys.split(" ").map((key) => make("kbd", {}, key)),
        ),
        make("td", {}, meaning),
      ),
    );
    app.dialog(text("help.title"), make("table.keys", {}, rows), [[text("action.close"), null, ".primary"]]);
  }

  function render() {
    renderHead();
    const pairs = state.view === "pairs";
    if (!pairs && !state.item) return;
    const tool = pairs ? state.pairs : state.tools[state.tab],
      drawn = Boolean(tool?.steps);
    const documentOf = pairs ? tool.file : state.item.documents[state.tab];
    parts.tabs.replaceChildren(
      ...tabs().map((name) =>
        make(
          `button${name === (pairs ? state.file : state.tab) ? ".chosen" : ""}`,
          {
            onclick: async () => {
              if (!pairs) {
                state.tab = name;
                render();
              } else if (await app.mayLeave()) await app.showPairs(name);
            },
          },
          pairs ? name : word("condition", name),
          !pairs && app.isDirty(state.tools[name]) && make("i.dot"),
        ),
      ),
    );
    parts.canvas.hidden = !drawn;
    parts.form.hidden = drawn;
    if (drawn) app.stage.show(state.item.bitmap, tool);
    else
      parts.form.replaceChildren(
        ...(pairs ? [tool.element] : [make("img.photo", { src: state.item.image, alt: "" }), tool.element]),
      );
    renderTools(tool);
    renderSide(tool, documentOf);
    refresh();
  }

  function renderTools(tool) {
    const undo = tool?.steps && [
      make(
        "button.undo",
        {
          onclick: () => {
            tool.steps.undo();
            after();
          },
          title: "Ctrl+Z",
        },
        "↶",
      ),
      make(
        "button.redo",
        {
          onclick: () => {
            tool.steps.redo();
            after();
          },
          title: "Ctrl+Y",
        },
        "↷",
      ),
    ];
    const kinds =
      tool instanceof PaintTool &&
      [
        ["brush", "B"],
        ["eraser", "E"],
        ["fill", "F"],
        ["polygon", "G"],
        ["pick", "I"],
      ].map(([kind, key]) =>
        make(
          `button${tool.kind === kind ? ".chosen" : ""}`,
          {
            title: key,
            "data-kind": kind,
            onclick: () => {
              tool.kind = kind;
              tool.polygon = [];
              after();
            },
          },
          word("tool", kind),
        ),
      );
    const slider = (name, low, high, step, get, set) =>
      make(
        "label",
        {},
        text(`tool.${name}`),
        make("input", {
          type: "range",
          min: low,
          max: high,
          step,
          value: get(),
          "data-name": name,
          oninput: (event) => {
            set(Number(event.target.value));
            refresh();
            app.stage.draw();
          },
        }),
        make("output", {}, String(get())),
      );
    parts.tools.replaceChildren(
      ...[
        undo,
        kinds,
        tool instanceof PaintTool && [
          slider(
            "size",
            1,
            120,
            1,
            () => tool.size,
            (value) => {
              tool.size = value;
            },
          ),
          slider(
            "opacity",
            0.1,
            1,
            0.05,
            () => tool.opacity,
            (value) => {
              tool.opacity = value;
            },
          ),
        ],
        tool instanceof PoseTool &&
          make(
            "button",
            {
              onclick: () => {
                tool.mirror();
                after();
              },
              title: "M",
            },
            `⇄ ${text("tool.mirror")}`,
          ),
      ]
        .flat()
        .filter(Boolean),
    );
    parts.zoomer.hidden = !tool?.steps;
    parts.zoomer.replaceChildren(
      make("button", { onclick: () => app.stage.zoom(0.8), title: "−" }, "−"),
      parts.zoom,
      make("button", { onclick: () => app.stage.zoom(1.25), title: "+" }, "+"),
      make("button", { onclick: () => app.stage.fit(), title: "0" }, text("tool.fit")),
    );
  }

  function jointRow(tool, name, index) {
    const seen = tool.rows[index][3];
    return make(
      `div.joint${tool.selected === index ? ".chosen" : ""}`,
      {
        onclick: () => {
          tool.selected = index;
          after();
        },
      },
      make("i.swatch", { style: `background:${PoseTool.colour(index)}` }),
      make("span.grow", {}, word("joint", name)),
      ...[
        [SEEN, "●"],
        [HIDDEN, "◌"],
        [ABSENT, "✕"],
      ].map(([value, sign]) =>
        make(
          `button.quiet${seen === value ? ".on" : ""}`,
          {
            title: word("seen", String(value)),
            "data-seen": String(value),
            onclick: (event) => {
              event.stopPropagation();
              tool.selected = index;
              tool.visibility(index, value);
              after();
            },
          },
          sign,
        ),
      ),
    );
  }

  function labelRow(tool, { id, name, colour }) {
    return make(
      `div.label${tool.label === id ? ".chosen" : ""}`,
      {
        "data-label": String(id),
        onclick: () => {
          tool.label = id;
          if (tool.kind === "eraser") tool.kind = "brush";
          after();
        },
      },
      make("i.swatch", { style: `background:rgb(${colour.join(" ")})` }),
      make("span.grow", {}, tool.labels === app.start.labels ? word("part", name) : name),
      make("small", {}, String(id)),
    );
  }

  function renderSide(tool, documentOf) {
    const scroll = parts.side.querySelector(".options")?.scrollTop ?? 0;
    const pairs = state.view === "pairs";
    const versions = documentOf.history.flatMap((line, index) => [
      make(
        "li",
        {},
        make("b", {}, line.who),
        ` ${line.when.replace("T", " ").replace("Z", "").slice(0, 16)}`,
        line.note && make("em", {}, line.note),
        index > 0 &&
          line.after &&
          make(
            "button.quiet",
            { onclick: () => app.past({ do: "restore", version: line.after }) },
            text("action.restore"),
          ),
      ),
      index === documentOf.history.length - 1 &&
        line.before &&
        make(
          "li",
          {},
          text("history.first"),
          make(
            "button.quiet",
            { onclick: () => app.past({ do: "restore", version: line.before }) },
            text("action.restore"),
          ),
        ),
    ]);
    const why = pairs ? [] : state.item.entry.findings.filter(([condition]) => condition === state.tab);
    parts.side.replaceChildren(
      pairs
        ? make("p.soft", {}, text("pairs.help"))
        : make(
            "div.about",
            {},
            make("b", {}, state.item.entry.item),
            make("span.soft", {}, ` ${word("role", state.item.entry.role)} · ${state.item.width}×${state.item.height}`),
          ),
      ...why.map((finding) => make("p.reason", {}, reason(finding).replace(/^[^:]*: /, ""))),
      (documentOf.error && make("p.reason", {}, documentOf.error)) || "",
      make(
        "div.options",
        {},
        tool instanceof PoseTool
          ? app.start.joints.map((name, index) => jointRow(tool, name, index))
          : tool instanceof PaintTool
            ? tool.labels.map((label) => labelRow(tool, label))
            : "",
      ),
      make(
        "details.history",
        { open: false },
        make("summary", {}, text("history.title", { n: documentOf.history.length })),
        make("ul", {}, versions.filter(Boolean)),
        documentOf.can_undo && make("button", { onclick: () => app.past({ do: "undo" }) }, text("action.undo_saved")),
      ),
      parts.note,
      parts.save,
      pairs
        ? ""
        : make(
            "div.states",
            {},
            app.start.states.map((name) =>
              make(
                `button${state.item.entry.state === name ? ".chosen" : ""}`,
                { onclick: () => app.setState(name), "data-set": name },
                word("state", name),
              ),
            ),
          ),
    );
    parts.side.querySelector(".options").scrollTop = scroll;
  }

  function after() {
    const tool = state.tools[state.tab];
    renderTools(tool);
    renderSide(tool, state.item.documents[state.tab]);
    app.stage.refresh();
  }

  // What changes with every stroke: cheap.
  function refresh() {
    const tool = state.view === "pairs" ? state.pairs : state.tools[state.tab];
    parts.save.disabled = !app.dirty();
    parts.canvas.dataset.view = JSON.stringify({ scale: app.stage.scale, left: app.stage.left, top: app.stage.top });
    parts.zoom.textContent = `${Math.round(app.stage.scale * 100)} %`;
    if (tool instanceof PaintTool) {
      state.brush = { kind: tool.kind, size: tool.size, opacity: tool.opacity };
      for (const name of ["size", "opacity"]) {
        const input = parts.tools.querySelector(`[data-name=${name}]`);
        if (input) {
          input.value = tool[name];
          input.nextSibling.textContent = name === "size" ? String(tool.size) : `${Math.round(tool.opacity * 100)} %`;
        }
      }
    }
    if (tool instanceof PoseTool && tool.selected !== refresh.selected) {
      refresh.selected = tool.selected;
      renderSide(tool, state.item.documents[state.tab]);
    }
    if (tool?.steps) {
      parts.tools.querySelector(".undo")?.toggleAttribute("disabled", !tool.steps.done.length);
      parts.tools.querySelector(".redo")?.toggleAttribute("disabled", !tool.steps.undone.length);
    }
    parts.canvas.style.cursor = app.stage.panning ? "grabbing" : tool instanceof PaintTool ? "crosshair" : "default";
  }

  function relabel() {
    parts.search.placeholder = text("queue.search");
    parts.note.placeholder = text("history.note");
    parts.save.textContent = text("action.save");
    parts.save.title = "S";
    parts.roles.replaceChildren(
      ...["", "person", "garment"].map((role) =>
        make("option", { value: role, selected: role === state.filter.role }, word("role", role || "all")),
      ),
    );
    parts.filters.replaceChildren(
      ...["open", "done", "skip", "reject", ""].map((name) =>
        make(`button${name === state.filter.state ? ".chosen" : ""}`, {
          "data-state": name,
          onclick: () => {
            state.filter.state = name;
            relabel();
            app.list();
          },
        }),
      ),
    );
    document.documentElement.lang = state.language;
    renderQueue();
    render();
  }

  return { after, help, isOpen, madeAgain, refresh, relabel, render, renderHead, renderQueue };
}
