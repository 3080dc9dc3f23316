// How an explorer looks: one style sheet, written into the page beside each.

export const CSS = `
.stn { --line: color-mix(in srgb, currentColor 30%, transparent); color: var(--jp-ui-font-color1, var(--vscode-foreground, inherit));
  font: 13px/1.4 system-ui, sans-serif; display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: flex-start; padding: 4px; }
.stn figure { margin: 0; } .stn figcaption { text-align: center; }
.stn .panes { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
.stn .pane { position: relative; max-width: 100%; } .stn canvas { position: absolute; image-rendering: pixelated; outline: 1px solid var(--line); }
.stn svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.stn .dragged { touch-action: none; }
.stn .lattice { fill: none; stroke: #e8590c; stroke-width: 1.2; vector-effect: non-scaling-stroke; opacity: .85; }
.stn .frame { fill: none; stroke: #e8590c; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
.stn .handle { fill: #fff; stroke: #d9480f; stroke-width: 2; vector-effect: non-scaling-stroke; cursor: grab; }
.stn .handle.first { fill: #e8590c; } .stn .handle:active { cursor: grabbing; }
.stn .handle:focus-visible, .stn .eye:focus-visible { outline: none; stroke: #1c7ed6; stroke-width: 5; vector-effect: non-scaling-stroke; }
.stn .looked { fill: none; stroke: #15aabf; stroke-width: 2; vector-effect: non-scaling-stroke; }
.stn .controls { flex: 1 1 280px; max-width: 400px; }
.stn .row { display: grid; grid-template-columns: 5.5em 1fr 5.5em; gap: 8px; align-items: center; }
.stn input[type=number], .stn select, .stn button, .stn .share { font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: 4px; padding: 1px 5px; min-width: 0; }
.stn option { color: #000; background: #fff; } .stn input[type=number] { width: 100%; box-sizing: border-box; }
.stn input[type=range] { width: 100%; min-width: 0; accent-color: #e8590c; }
.stn .wrap { display: flex; flex-wrap: wrap; gap: 6px 12px; margin-top: 6px; align-items: center; }
.stn .matrix { border-left: 2px solid; border-right: 2px solid; border-radius: 5px; padding: 0 6px; margin: 6px 0; border-spacing: 8px 0;
  font-variant-numeric: tabular-nums; text-align: right; background: none; display: inline-table; }
.stn .share { flex: 1 1 100%; font-family: monospace; }
.stn .inspector { flex: 1 1 100%; min-height: 2.8em; font-variant-numeric: tabular-nums; }
.stn [hidden] { display: none; }
.stn .held { fill: transparent; stroke: #1c7ed6; stroke-width: 1.5; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; cursor: move; }
.stn .handle.pose { stroke: #1c7ed6; } .stn .held:focus-visible { outline: none; stroke-width: 4; }
.stn .late { opacity: .3; }
.stn .classes { display: grid; grid-template-columns: auto 1fr 3.5em; gap: 1px 8px; align-items: center; margin: 2px 0 10px;
  max-height: 260px; overflow-y: auto; }
.stn .classes .bar { height: 11px; width: var(--share); background: #868e96; min-width: 1px; } .stn .classes .bar.best { background: #e8590c; }
.stn .classes .percent { text-align: right; font-variant-numeric: tabular-nums; } .stn .classes span.best { font-weight: 700; }
.stn .classes.standing { grid: 64px auto auto / auto-flow 1fr; gap: 2px 4px; margin: 0; justify-items: center; max-height: none; }
.stn .standing .bar { grid-row: 1; align-self: end; width: 62%; height: var(--share); min-height: 1px; }
.stn .standing .name { grid-row: 2; border-top: 1px solid var(--line); width: calc(100% + 4px); text-align: center; }
.stn .standing .name.best { text-decoration: underline; text-underline-offset: 3px; text-decoration-thickness: 2px; }
.stn .standing .percent { grid-row: 3; font-size: 11px; white-space: nowrap; }
.stn .said { display: flex; flex-wrap: wrap; gap: 0 20px; font-weight: 600; font-variant-numeric: tabular-nums; min-height: 1.4em; }
.stn.model .stage { flex: 0 1 592px; min-width: 0; display: grid; gap: 8px; }
.stn.model .panes { display: grid; grid-template-columns: minmax(0, 1.4fr) minmax(0, 1fr); gap: 0 16px; align-items: center; }
.stn .stalk { stroke: #1c7ed6; stroke-width: 1.5; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; }
.stn .handle.knob { fill: #1c7ed6; stroke: #fff; cursor: grab; } .stn .handle.knob:focus-visible { stroke: #e8590c; }
.stn .corner { fill: #e8590c; stroke: #fff; stroke-width: 1.5; vector-effect: non-scaling-stroke; pointer-events: none; }
.stn .lattice, .stn .frame { pointer-events: none; }
.stn .switch { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: baseline; } .stn .switch input { accent-color: #e8590c; }
.stn .along { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; } .stn .along > div { flex: 1 0 100%; }
.stn .along label { flex: 1 1 240px; display: grid; grid-template-columns: auto 1fr; gap: 8px; align-items: center; }
.stn .moment { min-width: 13.5em; font-variant-numeric: tabular-nums; }
.stn :is(.switch, .along)[hidden] { display: none; } .stn.model .inspector { margin-top: 12px; }
.stn .picks { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; } .stn .picks .row { flex: 1 1 280px; max-width: 400px; }
.stn .picks button { padding: 2px; line-height: 0; border-width: 2px; } .stn .picks button canvas { position: static; width: 30px; height: 30px; }
.stn .picks > button:not(:has(canvas)), .stn .picks figure button { line-height: 1.4; padding: 6px 10px; border-width: 2px; }
.stn button[aria-pressed=true] { border-color: #e8590c; box-shadow: inset 0 0 0 1px #e8590c; font-weight: 700; }
.stn .picks button[aria-pressed=true] canvas { outline: 2px solid #fff; outline-offset: -2px; }
.stn .picks figure { flex: 1 0 100%; } .stn .picks figcaption { text-align: left; margin-top: 4px; }
.stn .paper { fill: #000; cursor: crosshair; outline-offset: 2px; } .stn .paper:focus-visible { outline: 3px solid #1c7ed6; }
.stn .ink { fill: none; stroke: #fff; stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round; pointer-events: none; }
.stn .tip { fill: #e8590c; stroke: #fff; stroke-width: 1.5; vector-effect: non-scaling-stroke; pointer-events: none; }
.stn .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.stn button { cursor: pointer; } .stn :is(button, input, select):focus-visible { outline: 3px solid #1c7ed6; outline-offset: 1px; }
.stn .problem { flex: 1 1 100%; border-left: 4px solid #e03131; padding-left: 8px; font-weight: 600; } .stn .problem:empty { display: none; }
`;
