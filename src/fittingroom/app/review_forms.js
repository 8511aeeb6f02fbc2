// Small helpers for building the page, and its two forms: a caption, and the list of pairs.

// make("button.primary", {onclick: ...}, "text", child, ...): an element with classes, properties and children.
function make(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("data-") || key.startsWith("aria-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// --- caption: name -> phrase; a list is one phrase a line, anything else is shown as JSON --------------------------
class CaptionForm {
  constructor(element, value, text, changed) {
    this.element = element;
    this.text = text;
    this.changed = changed;
    this.start = JSON.stringify(value);
    this.rows = Object.entries(value).map(([name, phrase]) => ({
      name,
      kind: CaptionForm.kind(phrase),
      ...CaptionForm.shown(phrase),
    }));
    this.render();
  }

  static kind(phrase) {
    if (typeof phrase === "string") return "text";
    if (Array.isArray(phrase) && phrase.every((part) => typeof part === "string" && part && !part.includes("\n")))
      return "list";
    return "json";
  }

  static shown(phrase) {
    const kind = CaptionForm.kind(phrase);
    return { phrase: kind === "text" ? phrase : kind === "list" ? phrase.join("\n") : JSON.stringify(phrase) };
  }

  // The caption as it is now; an Error that names the field where it cannot be one.
  value() {
    const out = {};
    for (const { name, kind, phrase } of this.rows) {
      if (!name.trim()) {
        if (phrase.trim()) throw new Error(this.text("caption.no_name"));
        continue;
      }
      if (name in out) throw new Error(`${this.text("caption.twice")} ${name}`);
      if (kind === "text") out[name] = phrase;
      else if (kind === "list") out[name] = phrase.split("\n").filter((line) => line);
      else {
        try {
          out[name] = JSON.parse(phrase);
        } catch {
          throw new Error(`${this.text("caption.bad_json")} ${name}`);
        }
      }
    }
    return out;
  }

  get dirty() {
    try {
      return JSON.stringify(this.value()) !== this.start;
    } catch {
      return true;
    }
  }
  markSaved() {
    this.start = JSON.stringify(this.value());
  }

  render() {
    const field = (row) => {
      const lines = row.kind === "list" ? row.phrase.split("\n").length : Math.ceil((row.phrase.length + 1) / 60);
      return make(
        "div.field",
        {},
        make("input.name", {
          value: row.name,
          placeholder: this.text("caption.name"),
          oninput: (event) => {
            row.name = event.target.value;
            this.changed();
          },
        }),
        make("textarea", {
          value: row.phrase,
          rows: clamp(lines, 1, 6),
          placeholder: this.text("caption.phrase"),
          oninput: (event) => {
            row.phrase = event.target.value;
            this.changed();
          },
        }),
        make(
          "button.quiet",
          {
            title: this.text("caption.remove"),
            onclick: () => {
              this.rows = this.rows.filter((other) => other !== row);
              this.render();
              this.changed();
            },
          },
          "×",
        ),
        row.kind === "list" && make("small", {}, this.text("caption.list")),
      );
    };
    this.element.replaceChildren(
      ...this.rows.map(field),
      make(
        "button",
        {
          onclick: () => {
            this.rows.push({ name: "", kind: "text", phrase: "" });
            this.render();
            this.element.querySelector(".field:last-of-type .name").focus();
          },
        },
        `+ ${this.text("caption.add")}`,
      ),
    );
  }
}

// --- pairs: lines of two file names; comments and empty lines stay where they are ----------------------------------
class PairsForm {
  constructor(element, file, columns, text, changed) {
    Object.assign(this, { element, file, columns, text, changed });
    this.load(file);
    this.lists = columns.map(({ known }, side) =>
      make(
        "datalist",
        { id: `review-list-${side}` },
        known.map((id) => make("option", { value: id })),
      ),
    );
    this.known = columns.map(({ known }) => new Set(known));
    this.render();
  }

  load(file) {
    this.file = file;
    this.lines = file.text.split(/\r?\n/).map((line) => {
      const words = line.trim().split(/\s+/);
      return words.length === 2 && !line.trim().startsWith("#") ? { pair: words, kept: line } : { kept: line };
    });
    if (this.lines.length && this.lines.at(-1).kept === "") this.lines.pop();
  }

  // A line that was not touched keeps its bytes.
  value() {
    return this.lines
      .map((line) => (line.pair && line.kept !== null ? line.kept : line.pair ? line.pair.join(" ") : line.kept) + "\n")
      .join("");
  }
  get dirty() {
    return this.lines.some((line) => line.kept === null) || this.removed;
  }

  static stem(word) {
    return word.replace(/\.(jpe?g|png|webp|bmp|tiff?)$/i, "");
  }

  cell(line, side) {
    const known = this.known[side];
    const input = make("input", {
      value: line.pair[side],
      oninput: () => {
        line.pair[side] = input.value.trim();
        line.kept = null;
        input.classList.toggle("wrong", !known.has(PairsForm.stem(line.pair[side])));
        this.changed();
      },
    });
    input.setAttribute("list", `review-list-${side}`); // a read-only property
    input.classList.toggle("wrong", !known.has(PairsForm.stem(line.pair[side])));
    return make("td", {}, input);
  }

  render() {
    const rows = this.lines
      .filter((line) => line.pair)
      .map((line, index) =>
        make(
          "tr",
          {},
          make("td.number", {}, String(index + 1)),
          this.cell(line, 0),
          this.cell(line, 1),
          make(
            "td",
            {},
            make(
              "button.quiet",
              {
                title: this.text("pairs.remove"),
                onclick: () => {
                  this.lines = this.lines.filter((other) => other !== line);
                  this.removed = true;
                  this.render();
                  this.changed();
                },
              },
              "×",
            ),
          ),
        ),
      );
    const first = this.lines.find((line) => line.pair)?.pair[0] ?? "";
    const suffix = first.slice(PairsForm.stem(first).length);
    const add = () => {
      this.lines.push({ pair: this.columns.map(({ known }) => (known[0] ?? "") + suffix), kept: null });
      this.render();
      this.changed();
      this.element.querySelector("tr:last-child input").focus();
    };
    this.element.replaceChildren(
      ...this.lists,
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th"),
            this.columns.map(({ role }) => make("th", {}, this.text(`pairs.${role}`))),
            make("th"),
          ),
        ),
        make("tbody", {}, rows),
      ),
      make("button", { onclick: add }, `+ ${this.text("pairs.add")}`),
    );
  }
}
