"use strict";

// The curves of one run or of several over each other, drawn by uPlot. Each can be read by mouse,
// finger and keyboard; what lies under the cursor stands as text above it.

// Places in a point, as Point.java writes them.
const STEP = 0, LOSS = 2, NORM = 3, RATE = 4, SPEED = 5, WAIT = 6, MFU = 7, HOST = 8, DEVICE = 9;

const plain = (digits) => (v) => v.toLocaleString("en", { maximumFractionDigits: digits });
function significant(v) {
  if (v === 0 || Math.abs(v) >= 1000) return plain(0)(v);
  return Math.abs(v) < 0.0001 ? v.toExponential(2) : String(+v.toPrecision(4));
}
const percent = (v) => (100 * v).toFixed(1) + " %";

// What is drawn. A curve takes its values from points, or from evaluations by name.
const CHARTS = [
  {
    title: "Loss", unit: "mean of trained tokens, nats", wide: true, format: significant,
    curves: [
      { name: "train", at: LOSS, smooth: true },
      { name: "evaluation", value: "eval_loss" },
    ],
  },
  { title: "Learning rate", format: significant, curves: [{ name: "rate", at: RATE }] },
  { title: "Gradient norm", unit: "before clipping", format: significant, curves: [{ name: "norm", at: NORM }] },
  { title: "Tokens per second", format: plain(0), zero: true, curves: [{ name: "tokens/s", at: SPEED }] },
  { title: "Waiting for data", unit: "share of a step", format: percent, zero: true, curves: [{ name: "waiting", at: WAIT }] },
  {
    title: "Memory", unit: "GiB", format: plain(2), zero: true,
    curves: [{ name: "host", at: HOST }, { name: "device", at: DEVICE }],
  },
  { title: "Model FLOPs utilization", format: percent, zero: true, curves: [{ name: "MFU", at: MFU }] },
  { title: "Token accuracy", unit: "evaluation", format: percent, curves: [{ name: "accuracy", value: "eval_mean_token_accuracy" }] },
];

// One curve of one run as [steps, values]; null where there is nothing to draw.
function table(run, curve) {
  const steps = [], values = [];
  const add = (step, value) => {
    if (value !== null && value !== undefined) {
      steps.push(step);
      values.push(value);
    }
  };
  if (curve.value) run.evaluations.forEach((it) => add(it.step, it[curve.value]));
  else run.points.forEach((it) => add(it[STEP], it[curve.at]));
  return steps.length === 0 ? null : [steps, values];
}

// A mean that forgets, over about a thirtieth of the curve, taken from both ends, so that it does
// not lag behind.
function smoothed(values) {
  const keep = 1 - 1 / Math.max(1, Math.min(60, values.length / 30));
  const onward = (list) => {
    let sum = 0, weight = 0;
    return list.map((v) => {
      sum = keep * sum + v;
      weight = keep * weight + 1;
      return sum / weight;
    });
  };
  const there = onward(values), back = onward([...values].reverse()).reverse();
  return there.map((v, i) => (v + back[i]) / 2);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

class Chart {
  constructor(spec, runs) {
    this.spec = spec;
    this.runs = runs;
    this.readout = el("span", { class: "readout" });
    this.plot = el("div", {
      class: "plot", tabindex: "0", role: "group",
      "aria-label": `${spec.title}: a chart; arrow keys read it step by step`,
    });
    this.figure = el("figure", { class: spec.wide ? "wide" : "" },
      el("figcaption", {},
        el("h3", {}, spec.title, spec.unit ? el("span", { class: "quiet" }, " · " + spec.unit) : ""),
        this.readout),
      this.plot);
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("focus", () => this.readout.setAttribute("aria-live", "polite"));
    this.plot.addEventListener("blur", () => this.readout.removeAttribute("aria-live"));
    new ResizeObserver(() => this.resize()).observe(this.plot);
  }

  // What there is to draw: per curve its label, colour and table.
  lines() {
    const lines = [];
    this.runs.forEach((run, r) => {
      this.spec.curves.forEach((curve, c) => {
        const data = table(run, curve);
        if (!data) return;
        const several = this.runs.length > 1;
        const label = several ? run.facts.name + (this.spec.curves.length > 1 ? " " + curve.name : "") : curve.name;
        const line = { label, key: (several ? r : c) % 8, evaluation: Boolean(curve.value), dash: several && c > 0 && !curve.value };
        if (curve.smooth && data[0].length > 20) {
          if (!several) lines.push({ ...line, data, faint: true });
          lines.push({ ...line, data: [data[0], smoothed(data[1])], smooth: true });
        } else {
          lines.push({ ...line, data });
        }
      });
    });
    return lines;
  }

  draw() {
    const lines = this.lines();
    this.figure.hidden = lines.length === 0;
    if (this.figure.hidden) return;
    const data = uPlot.join(lines.map((it) => it.data));
    const shape = lines.map((it) => it.label + it.smooth + it.key).join("\n");
    if (this.uplot && this.shape === shape) {
      const { min, max } = this.uplot.scales.x;
      const steps = this.uplot.data[0];
      const zoomed = min > steps[0] || max < steps[steps.length - 1];
      this.uplot.setData(data, !zoomed);
      if (zoomed) this.uplot.redraw();
    } else {
      this.make(lines, data);
      this.shape = shape;
    }
    this.read();
  }

  make(lines, data) {
    if (this.uplot) this.uplot.destroy();
    const axis = {
      stroke: colour("--quiet"), font: "12px system-ui, sans-serif",
      grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 },
    };
    const format = this.spec.format;
    this.showing = lines;
    this.uplot = new uPlot({
      ...this.size(),
      legend: { show: false },
      cursor: { sync: { key: "steps" }, y: false, points: { size: 7 }, drag: { x: true, y: false } },
      scales: { x: { time: false }, y: this.spec.zero ? { range: (u, min, max) => [0, max > 0 ? max * 1.1 : 1] } : {} },
      axes: [
        { ...axis, size: 34, values: (u, ticks) => ticks.map((v) => Number.isInteger(v) ? plain(0)(v) : "") },
        { ...axis, size: 62, values: (u, ticks) => ticks.map((v) => v === null ? "" : format(v)) },
      ],
      series: [{}, ...lines.map((it) => ({
        label: it.label,
        stroke: colour("--c" + it.key) + (it.faint ? "55" : ""),
        width: it.faint ? 1 : 2,
        dash: it.dash || (it.evaluation && this.runs.length > 1) ? [5, 4] : undefined,
        spanGaps: true,
        points: { show: it.evaluation || it.data[0].length === 1, size: 7, fill: colour("--c" + it.key) },
      }))],
      hooks: { setCursor: [() => this.read()] },
    }, data, this.plot);
  }

  // The values at the cursor; without one, the last.
  read() {
    const u = this.uplot;
    const at = u.cursor.idx ?? u.data[0].length - 1;
    const parts = [el("span", {}, "step " + plain(0)(u.data[0][at] ?? 0))];
    this.showing.forEach((line, i) => {
      if (line.faint) return;
      let k = at; // the last value at or before the step
      while (k > 0 && u.data[i + 1][k] == null) k--;
      const value = u.data[i + 1][k];
      if (value == null) return;
      parts.push(el("span", {}, el("i", { class: "key k" + line.key }), visible(line.label), " ", el("b", {}, this.spec.format(value))));
    });
    this.readout.replaceChildren(...parts);
  }

  key(event) {
    const u = this.uplot;
    if (!u || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = u.data[0].length - 1;
    const at = u.cursor.idx ?? last;
    const far = Math.max(1, Math.round(last / 20));
    const to = {
      ArrowLeft: at - (event.shiftKey ? far : 1), ArrowRight: at + (event.shiftKey ? far : 1),
      PageUp: at - far, PageDown: at + far, Home: 0, End: last,
    }[event.key];
    if (to !== undefined) {
      const idx = Math.min(last, Math.max(0, to));
      u.setCursor({ left: u.valToPos(u.data[0][idx], "x"), top: u.over.clientHeight / 2 }, true, true);
    } else if (event.key === "+" || event.key === "-") {
      const { min, max } = u.scales.x, middle = u.data[0][at], by = event.key === "+" ? 0.5 : 2;
      const first = u.data[0][0], end = u.data[0][last];
      u.setScale("x", { min: Math.max(first, middle - (middle - min) * by), max: Math.min(end, middle + (max - middle) * by) });
    } else if (event.key === "Escape") {
      u.setData(u.data, true);
      u.setCursor({ left: -10, top: -10 });
    } else return;
    event.preventDefault();
  }

  size() {
    return { width: Math.max(200, this.plot.clientWidth), height: this.spec.wide ? 280 : 190 };
  }

  resize() {
    if (this.uplot && this.plot.clientWidth !== this.uplot.width) this.uplot.setSize(this.size());
  }

  // In other colours, when the light changes.
  remake() {
    this.shape = undefined;
    this.draw();
  }
}
