"use strict";

// The page of a run: live, from the server's events, or from the data inside a report. All text
// comes in as text nodes, whatever stands in it.

const runs = [];
const charts = [];
const byId = (id) => document.getElementById(id);

// --- Words and numbers.

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== "") made.setAttribute(name, value);
  }
  made.append(...children.filter((it) => it !== "" && it !== null && it !== undefined));
  return made;
}

// Characters that cannot be seen, or that turn others around, as JSON writes them.
function visible(text) {
  return String(text).replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

const whole = plain(0);

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((it, i) => i ? String(it).padStart(2, "0") : it).join(":");
}

function section(id, title, ...children) {
  return el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), ...children);
}

// A table of names, values and notes.
function rows(lines, values = "") {
  return el("div", { class: "card scroll" }, el("table", { class: "facts" }, el("tbody", {}, ...lines.map(([name, value, note]) =>
    el("tr", {}, el("th", { scope: "row" }, visible(name)), el("td", { class: values }, visible(value)),
      note === undefined ? "" : el("td", { class: "quiet" }, visible(note)))))));
}

const last = (list) => list[list.length - 1];

// --- News into what is known.

function take(run, news) {
  if (news.facts) {
    run.facts = news.facts;
    run.points = [];
    run.evaluations = [];
    run.sampled = [];
    run.chunks = [];
  }
  for (const name of ["points", "evaluations", "sampled", "chunks"]) {
    run[name].length = news[name].from;
    for (const item of news[name].items) run[name].push(item);
  }
  run.status = news.status;
  run.stride = news.stride;
  run.thinned = news.thinned;
  run.at = Date.now();
}

// --- The head: which run, how far.

const STATES = {
  running: "running", finished: "finished", stopped: "stopped early", failed: "failed", ended: "read from its folder",
};

function head() {
  if (runs.length > 1) {
    document.title = "compare · fluxtune";
    byId("top").replaceChildren(el("div", { class: "title" }, el("h1", {}, runs.length + " runs compared")));
    return;
  }
  const run = runs[0], { facts, status } = run;
  const name = visible(facts.name);
  document.title = name + " · fluxtune";
  byId("top").replaceChildren(
    el("div", { class: "title" }, el("h1", {}, name), el("span", { class: "state", id: "state", role: "status" })),
    status.total ? el("progress", { class: "bar", id: "bar", max: status.total, "aria-label": "steps" }) : "",
    el("p", { id: "far" }),
    el("p", { class: "quiet", id: "thin" }),
    el("div", { id: "warnings", role: "alert" }),
    el("dl", { class: "tiles", id: "tiles" }));
}

let lost = false; // the connection

function progress() {
  const run = runs[0], { status } = run;
  const state = lost ? "lost" : status.state;
  setText("state", lost ? "no connection; trying again" : STATES[state]);
  byId("state").className = "state " + state;
  if (byId("bar")) byId("bar").value = status.step;
  const since = status.state === "running" && !lost ? (Date.now() - run.at) / 1000 : 0;
  const far = [
    `step ${whole(status.step)}` + (status.total ? ` of ${whole(status.total)}` : ""),
    `epoch ${plain(2)(status.epoch)}` + (status.epochs ? ` of ${plain(2)(status.epochs)}` : ""),
  ];
  if (status.state !== "ended") far.push(duration(status.elapsed + since) + " gone");
  if (status.left !== undefined) {
    const left = Math.max(0, status.left - since);
    const end = new Date(Date.now() + left * 1000);
    far.push(`${duration(left)} left`, "ends about " + end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  }
  if (status.saved) far.push(`checkpoint of step ${whole(status.saved)}`);
  setText("far", far.join("  ·  "));
  const thin = [];
  if (run.stride > 1) thin.push(`A long run: each point is the mean of ${run.stride} steps.`);
  if (run.thinned) thin.push("Of many evaluations only some are shown.");
  if (live && status.state !== "running") thin.push(`It is over; this page is kept as ${visible(run.facts.folder)}/report.html.`);
  setText("thin", thin.join(" "));
  const warnings = [];
  if (status.why) warnings.push("It failed: " + visible(status.why) + "\n");
  if (status.notFinite) warnings.push(`${whole(status.notFinite)} steps have a loss that is no number: the weights after the first are of no use.`);
  if (status.withoutTarget) warnings.push(`${whole(status.withoutTarget)} steps held no trained token and moved nothing.`);
  setText("warnings", warnings.join(" "));
  byId("warnings").className = warnings.length ? "warning" : "";
}

// Only where it changed: what is read aloud is read once.
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function tiles() {
  const run = runs[0], point = last(run.points), evaluation = last(run.evaluations);
  const list = [];
  const tile = (name, value, note) => list.push(el("div", {}, el("dt", {}, name), el("dd", {}, value, note ? el("small", {}, " " + note) : "")));
  if (point) {
    if (point[LOSS] !== null) tile("Loss", significant(point[LOSS]));
    if (evaluation && evaluation.eval_loss !== undefined) {
      tile("Evaluation loss", significant(evaluation.eval_loss));
      tile("Perplexity", significant(Math.exp(evaluation.eval_loss)));
    }
    if (evaluation && evaluation.eval_mean_token_accuracy !== undefined) tile("Token accuracy", percent(evaluation.eval_mean_token_accuracy));
    if (point[RATE] !== null) tile("Learning rate", significant(point[RATE]));
    if (point[SPEED] !== null) tile("Tokens/s", whole(point[SPEED]));
    if (point[WAIT] !== null) tile("Waiting for data", percent(point[WAIT]));
    if (point[HOST] !== null) tile("Host memory", plain(2)(point[HOST]), "GiB");
    if (point[DEVICE] !== null) tile("Device memory", plain(2)(point[DEVICE]), "GiB");
    if (point[MFU] !== null) tile("MFU", percent(point[MFU]));
  }
  byId("tiles").replaceChildren(...list);
}

// --- Samples: what was written after each prompt, in the order of time or of runs.

function written(title, note, text, reference) {
  const hit = text.trim() === reference.trim();
  return el("div", {},
    el("h4", {}, el("span", {}, title), hit ? el("span", { class: "hit" }, "✓ equal") : el("span", {}, note)),
    free(text));
}

const free = (text) => el("div", { class: "text", dir: "auto" },
  text === "" ? el("span", { class: "quiet" }, "(nothing)") : visible(text));

function sample(number, text, cells) {
  return el("article", { class: "card sample" },
    el("div", {},
      el("h3", {}, "Prompt " + number, text.row ? el("span", { class: "quiet" }, " · row " + whole(text.row)) : ""),
      free(text.prompt),
      el("h4", { class: "reference" }, "Reference"),
      free(text.reference)),
    el("div", { class: "strip", tabindex: "0", role: "group", "aria-label": `Prompt ${number}: what was written` }, ...cells));
}

const END = 1e9; // of a row that is scrolled: where the latest stands

function samples() {
  const several = runs.length > 1;
  const texts = new Map(); // by prompt and reference, in order: what was written
  for (const run of runs) {
    for (const taken of several ? run.sampled.slice(-1) : run.sampled) {
      for (const text of taken.texts) {
        const key = [text.row, text.prompt, text.reference].join("\u0000");
        if (!texts.has(key)) texts.set(key, { text, cells: [] });
        const at = "step " + whole(taken.step);
        texts.get(key).cells.push(written(several ? visible(run.facts.name) : at,
          several ? at : "epoch " + taken.epoch.toFixed(1), text.generation, text.reference));
      }
    }
  }
  const box = byId("samples");
  box.hidden = texts.size === 0;
  const places = [...box.querySelectorAll(".strip")].map((it) => it.scrollLeft + it.clientWidth > it.scrollWidth - 20 ? END : it.scrollLeft);
  const focused = [...box.querySelectorAll(".strip")].indexOf(document.activeElement);
  const settings = last(runs[0].sampled)?.settings;
  box.replaceChildren(el("h2", { id: "samples-title" }, several ? "Samples, the last of each run" : "Samples over time"),
    settings ? el("p", { class: "quiet" }, visible(settings)) : "",
    ...[...texts.values()].map((it, i) => sample(i + 1, it.text, it.cells)));
  [...box.querySelectorAll(".strip")].forEach((it, i) => {
    it.scrollLeft = places[i] ?? END;
    it.querySelectorAll(".text").forEach((text) => { if (text.scrollHeight > text.clientHeight) text.tabIndex = 0; });
    if (i === focused) it.focus({ preventScroll: true });
  });
}

// --- Chunks: documents, and what of them is trained.

let shownChunk = 0;

function chunks() {
  const all = runs[0].chunks, box = byId("chunks");
  box.hidden = runs.length > 1 || all.length === 0;
  if (box.hidden) return;
  const chunk = all[Math.min(shownChunk, all.length - 1)];
  const focused = [...box.querySelectorAll("button")].indexOf(document.activeElement);
  const choices = el("div", { class: "choices", role: "group", "aria-label": "Chunk" }, ...all.map((it, i) => {
    const button = el("button", { type: "button", "aria-pressed": String(it === chunk) }, "Chunk " + (i + 1));
    button.addEventListener("click", () => { shownChunk = i; chunks(); });
    return button;
  }));
  const lengths = el("div", { class: "lengths", "aria-hidden": "true" });
  for (const it of [...chunk.documents, ...(chunk.padding ? [{ tokens: chunk.padding, trained: 0 }] : [])]) {
    const filled = el("i", {}), bar = el("span", {}, filled);
    bar.style.flex = it.tokens + " 1 0";
    filled.style.height = 100 * it.trained / it.tokens + "%";
    lengths.append(bar);
  }
  const documents = chunk.documents.map((it, i) => el("div", { class: "document" },
    el("h3", { class: "quiet" }, `Document ${i + 1} · ${whole(it.tokens)} tokens, ${whole(it.trained)} trained`),
    el("div", { class: "text", dir: "auto" }, ...it.runs.map((run) => run.trained ? el("mark", {}, visible(run.text)) : visible(run.text)))));
  box.replaceChildren(el("h2", { id: "chunks-title" }, "Chunks as they are trained on"),
    el("p", { class: "quiet" }, "The first of the run, with their documents. ", el("mark", {}, "Marked text"), " is trained; the rest is masked."),
    choices,
    el("div", { class: "card" },
      el("h3", {}, `${whole(chunk.tokens)} tokens · ${whole(chunk.trained)} trained · ${chunk.documents.length} documents` + (chunk.padding ? ` · ${whole(chunk.padding)} padding` : "")),
      lengths, ...documents,
      chunk.whole ? "" : el("p", { class: "quiet" }, "A long chunk: the rest of its text is not shown.")));
  if (focused >= 0) box.querySelectorAll("button")[focused].focus();
}

// --- What does not change, and what is told at the end.

const PARTS = [
  ["trained", "trained", "1"], ["masked", "masked", "7"], ["truncated", "beyond max_length", "3"],
  ["untrained", "of documents without target", "4"], ["tail", "tail, in no chunk", "5"],
];

function ledger(it) {
  const parts = PARTS.filter(([name]) => it[name] > 0);
  const share = el("div", { class: "share", "aria-hidden": "true" }, ...parts.map(([name, , key]) => {
    const part = el("span", { class: "k" + key });
    part.style.flex = it[name] + " 1 0";
    return part;
  }));
  return section("ledger", "Ledger: where the tokens of an epoch go", el("div", { class: "card" }, share, el("table", { class: "facts" }, el("tbody", {},
    ...[["", "documents", it.documents, ""], ["", "tokens", it.tokens, ""], ...parts.map(([name, label, key]) =>
      [key, label, it[name], percent(it[name] / it.tokens)])].map(([key, label, count, note]) => el("tr", {},
      el("th", { scope: "row" }, key ? el("i", { class: "key k" + key }) : "", label),
      el("td", { class: "number" }, whole(count)), el("td", { class: "quiet" }, note)))))));
}

// The plan against what happened; while it goes, against what has happened so far.
function outcome() {
  const { facts, status } = runs[0];
  if (!facts.plan || status.tokens === undefined) return [];
  const tokens = (facts.ledger.trained + facts.ledger.masked) * facts.plan.epochs;
  const about = Number.isInteger(facts.plan.epochs) ? "" : "about "; // a part of an epoch has its own share
  const here = status.first > 0 ? `since step ${whole(status.first)}, where this went on` : "";
  return [
    ["steps", whole(facts.plan.steps), whole(status.step), `${whole(facts.plan.perEpoch)} an epoch, ${whole(facts.plan.warmup)} of warm-up`],
    ["epochs", plain(2)(facts.plan.epochs), plain(2)(status.epoch), ""],
    ["tokens", about + whole(tokens), whole(status.tokens), here || "padding included"],
    ["trained tokens", about + whole(facts.ledger.trained * facts.plan.epochs), whole(status.trained), here],
    ["time", "", duration(status.elapsed), `${duration(status.training)} of it training`],
    ["waiting for data", "", percent(status.waited / Math.max(1e-9, status.training)), "of the training"],
    ["tokens per second", "", whole(status.tokens / Math.max(1e-9, status.training)), "mean"],
  ];
}

function comparison(title, names, lines) {
  return el("div", { class: "card scroll", tabindex: "0", role: "group", "aria-label": title }, el("table", {},
    el("thead", {}, el("tr", {}, el("td", {}), ...names.map((it) => el("th", { scope: "col" }, visible(it))))),
    el("tbody", {}, ...lines.map((line) => el("tr", {}, el("th", { scope: "row" }, visible(line[0])),
      ...line.slice(1).map((it) => el("td", {}, visible(it))))))));
}

// The last value of everything that was logged, a run a column.
function measures() {
  const all = runs.map((run) => {
    const point = last(run.points) ?? [], found = { steps: whole(run.status.step), epochs: run.status.epoch.toFixed(2) };
    const put = (name, value, format) => { if (value !== null && value !== undefined) found[name] = format(value); };
    put("loss, the last", point[LOSS], significant);
    put("loss, smoothed", last(smoothed(run.points.map((it) => it[LOSS]).filter((it) => it !== null))), significant);
    put("tokens per second", point[SPEED], whole);
    put("waiting for data", point[WAIT], percent);
    put("device memory, GiB", point[DEVICE], plain(2));
    const best = run.evaluations.reduce((a, b) => a === null || b.eval_loss < a.eval_loss ? b : a, null);
    if (best) put("eval_loss, the best", best.eval_loss, (it) => `${significant(it)} (step ${whole(best.step)})`);
    for (const [name, value] of Object.entries(last(run.evaluations) ?? {})) {
      if (name.startsWith("eval_")) put(name, value, significant);
    }
    return found;
  });
  const names = [...new Set(all.flatMap(Object.keys))];
  return names.map((name) => [name, ...all.map((it) => it[name] ?? "–")]);
}

const setting = (value) => value === undefined || value === "null" ? "unset" : value;

function differences() {
  const keys = [...new Set(runs.flatMap((it) => Object.keys(it.facts.settings)))];
  return keys.map((key) => [key, ...runs.map((it) => setting(it.facts.settings[key]))])
    .filter(([, first, ...others]) => others.some((it) => it !== first));
}

function fixed() {
  if (runs.length > 1) {
    const names = runs.map((it) => it.facts.name), different = differences();
    return [section("measures", "Last measures", comparison("Last measures", names, measures())),
      section("differences", "Settings that differ", different.length
        ? comparison("Settings that differ", names, different) : el("p", {}, "None: these runs have equal settings."))];
  }
  const { facts } = runs[0];
  const settings = Object.entries(facts.settings).map(([key, value]) => [key, setting(value)]);
  return [
    facts.facts.length ? section("plan", "Plan and model", el("div", { id: "outcome" }), rows(facts.facts, "number")) : "",
    facts.ledger ? ledger(facts.ledger) : "",
    section("settings", "Configuration", el("details", { class: "card" }, el("summary", {}, `${settings.length} keys`), rows(settings))),
    facts.environment.length ? section("environment", "Environment", rows([["folder", facts.folder], ...facts.environment.map(([name, ...rest]) => [name, rest.filter((it) => it).join(" · ")])])) : "",
  ].filter((it) => it !== "");
}

// --- All of it together.

function build() {
  head();
  charts.length = 0;
  CHARTS.forEach((spec) => charts.push(new Chart(spec, runs)));
  const parts = fixed();
  byId("main").replaceChildren(
    ...(runs.length > 1 ? parts.splice(0, 2) : []),
    section("curves", "Curves", el("div", { class: "charts" }, ...charts.map((it) => it.figure)),
      el("p", { class: "quiet help" }, "In a chart: ", el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " read it, ",
        el("kbd", {}, "+"), " ", el("kbd", {}, "−"), " zoom, ", el("kbd", {}, "Esc"), " shows all again. Dragging zooms too.")),
    el("section", { id: "samples", "aria-labelledby": "samples-title" }),
    el("section", { id: "chunks", "aria-labelledby": "chunks-title" }),
    ...parts);
}

// The parts of the page that new steps, evaluations, samples and chunks change.
function draw(news) {
  const has = (name) => news.some((it) => it.facts || it[name].items.length > 0);
  if (has("points") || has("evaluations")) charts.forEach((it) => it.draw());
  if (has("sampled")) samples();
  if (has("chunks")) chunks();
  if (runs.length > 1) return;
  tiles();
  progress();
  const lines = outcome();
  if (byId("outcome") && lines.length) byId("outcome").replaceChildren(comparison("Plan and outcome", ["planned", "happened", ""], lines));
}

function show(news) {
  news.forEach((it, i) => {
    runs[i] ??= {};
    take(runs[i], it);
  });
  if (news.some((it) => it.facts)) build();
  draw(news);
}

function listen() {
  const source = new EventSource("events");
  source.onmessage = (event) => {
    lost = false;
    const news = JSON.parse(event.data);
    show([news]);
    if (news.status.state !== "running") source.close();
  };
  source.onerror = () => {
    if (runs.length) {
      lost = runs[0].status.state === "running";
      progress();
    }
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((it) => it.remake()));

const live = byId("data").textContent === "";
if (live) {
  listen();
  setInterval(() => { if (runs.length) progress(); }, 1000);
} else {
  show(JSON.parse(byId("data").textContent));
}
