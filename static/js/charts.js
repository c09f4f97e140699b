// Draws <figure data-chart="<id of the JSON>"> with ECharts, loaded only when a page has one. Colours are the tokens.
(() => {
  const source = document.currentScript.dataset.echarts;
  const drawn = new Map();
  let loading = null;

  const load = () =>
    (loading ??= new Promise((resolve, reject) => {
      if (window.echarts) return resolve();
      const script = document.createElement("script");
      script.src = source;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    }));

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--gx-${name}`).trim();
  const palette = () => [1, 2, 3, 4, 5, 6].map((number) => token(`series-${number}`));

  function formatter(data, short) {
    const language = document.documentElement.lang;
    const options = short ? { notation: "compact", maximumFractionDigits: 1 } : {};
    if (data.format === "percent") Object.assign(options, { style: "percent", maximumFractionDigits: short ? 0 : 1 });
    if (data.format === "money" && data.currency) {
      Object.assign(options, { style: "currency", currency: data.currency, currencyDisplay: "narrowSymbol" });
    }
    const format = new Intl.NumberFormat(language, options);
    return (value) => (value === null || value === undefined ? "–" : format.format(value));
  }

  function common(data) {
    const text = { color: token("ink-3"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
    return {
      animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 150,
      color: palette(),
      textStyle: text,
      grid: { left: 4, right: 12, top: data.series.length > 1 ? 34 : 12, bottom: 4, containLabel: true },
      legend: data.series.length > 1 ? { top: 0, left: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { ...text, color: token("ink-2") } } : undefined,
      tooltip: {
        trigger: "axis",
        confine: true,
        renderMode: "richText",
        backgroundColor: token("raised"),
        borderColor: token("line"),
        textStyle: { ...text, color: token("ink") },
        axisPointer: { type: "line", lineStyle: { color: token("line-strong") } },
        valueFormatter: formatter(data, false),
      },
    };
  }

  const axisText = () => ({ color: token("ink-3"), fontSize: 12, hideOverlap: true });
  const valueAxis = (data) => ({ type: "value", splitNumber: 4, axisLabel: { ...axisText(), formatter: formatter(data, true) }, splitLine: { lineStyle: { color: token("line") } } });
  const FEW = 8; // labels that are all shown where they have room, cut to it
  const NAME = 76; // px
  const fits = (data) => data.labels.length <= FEW && data.labels.length * NAME <= data.room;
  const nameText = (data) => (fits(data) ? { ...axisText(), interval: 0, hideOverlap: false, width: NAME, overflow: "truncate" } : axisText());
  const nameAxis = (data) => ({ type: "category", data: data.labels, axisLabel: nameText(data), axisTick: { show: false }, axisLine: { lineStyle: { color: token("line-strong") } } });

  const shapes = {
    line: (data, area) => ({
      xAxis: { ...nameAxis(data), boundaryGap: false },
      yAxis: valueAxis(data),
      series: data.series.map((one, index) => ({ name: one.name, data: one.values, type: "line", smooth: 0.2, showSymbol: data.labels.length < 2, lineStyle: { width: 2 }, areaStyle: area ? { opacity: index ? 0.08 : 0.12 } : undefined })),
    }),
    area: (data) => shapes.line(data, true),
    bar: (data, stack) => ({
      xAxis: nameAxis(data),
      yAxis: valueAxis(data),
      series: data.series.map((one) => ({ name: one.name, data: one.values, type: "bar", stack: stack ? "all" : undefined, barMaxWidth: 28, itemStyle: { borderRadius: stack ? 0 : [3, 3, 0, 0] } })),
    }),
    stacked: (data) => shapes.bar(data, true),
    hbar: (data) => ({
      yAxis: { ...nameAxis({ ...data, room: Infinity }), inverse: true, axisLine: { show: false } },
      xAxis: valueAxis(data),
      series: data.series.map((one) => ({ name: one.name, data: one.values, type: "bar", barMaxWidth: 18, itemStyle: { borderRadius: [0, 3, 3, 0] } })),
    }),
    donut: (data) => ({
      tooltip: { trigger: "item" },
      legend: { orient: "vertical", right: 0, top: "middle", icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: token("ink-2") } },
      series: [{ type: "pie", radius: ["56%", "84%"], center: ["32%", "50%"], label: { show: false }, itemStyle: { borderColor: token("surface"), borderWidth: 2 }, data: data.labels.map((name, index) => ({ name, value: data.series[0].values[index] })) }],
    }),
    funnel: (data) => ({
      ...shapes.hbar(data),
      series: data.series.map((one) => ({ name: one.name, data: one.values, type: "bar", barWidth: "72%", itemStyle: { borderRadius: 4 }, label: { show: true, position: "insideLeft", color: token("ink"), formatter: (point) => formatter(data, false)(point.value) }, color: token("accent-line") })),
      xAxis: { ...valueAxis(data), show: false },
    }),
  };

  function option(data) {
    const base = common(data);
    const shape = (shapes[data.kind] || shapes.line)(data);
    return { ...base, ...shape, tooltip: { ...base.tooltip, ...shape.tooltip } };
  }

  function draw(figure) {
    const data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    const canvas = figure.querySelector(".gx-chart__canvas");
    data.room = canvas.clientWidth - 48; // without the figures of the other axis
    const chart = window.echarts.init(canvas, null, { renderer: "canvas" });
    chart.setOption(option(data));
    if (data.links.length) chart.on("click", (point) => data.links[point.dataIndex] && location.assign(data.links[point.dataIndex]));
    const watcher = new ResizeObserver(() => chart.resize());
    watcher.observe(canvas);
    drawn.set(figure, { chart, data, watcher });
  }

  async function look(root) {
    for (const [figure, one] of drawn) {
      if (figure.isConnected) continue;
      one.watcher.disconnect();
      one.chart.dispose();
      drawn.delete(figure);
    }
    const figures = [...root.querySelectorAll("[data-chart]")].filter((figure) => !drawn.has(figure));
    if (!figures.length) return;
    await load();
    figures.filter((figure) => figure.isConnected && !drawn.has(figure)).forEach(draw);
  }

  document.addEventListener("gx:theme", () => drawn.forEach(({ chart, data }) => chart.setOption(option(data), true)));
  document.addEventListener("htmx:afterSettle", () => look(document));
  look(document);
})();
