// How an explorer looks: one style sheet, written into the page beside each.

export const CSS = `
.stn { --line: color-mix(in srgb, currentColor 30%, transparent); color: var(--jp-ui-font-color1, var(--vscode-foreground, inherit));
  font: 13px/1.4 system-ui, sans-serif; display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: flex-start; padding: 4px; }
.stn figure { margin: 0; } .stn figcaption { text-align: center; }
.stn .panes { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
.stn .pane { position: relative; } .stn canvas { position: absolute; image-rendering: pixelated; outline: 1px solid var(--line); }
.stn svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.stn .handle, .stn .held { touch-action: none; }
.stn .lattice { fill: none; stroke: #f76707; stroke-width: 1.2; vector-effect: non-scaling-stroke; opacity: .85; }
.stn .frame { fill: none; stroke: #f76707; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
.stn .handle { fill: #fff; stroke: #d9480f; stroke-width: 2; vector-effect: non-scaling-stroke; cursor: grab; }
.stn .handle.first { fill: #f76707; } .stn .handle:active { cursor: grabbing; }
.stn .handle:focus-visible, .stn .eye:focus-visible { outline: none; stroke: #1c7ed6; stroke-width: 5; vector-effect: non-scaling-stroke; }
.stn .looked { fill: none; stroke: #15aabf; stroke-width: 2; vector-effect: non-scaling-stroke; }
.stn .controls { flex: 1 1 280px; max-width: 400px; }
.stn .row { display: grid; grid-template-columns: 5.5em 1fr 5.5em; gap: 8px; align-items: center; }
.stn input[type=number], .stn select, .stn button, .stn .share { font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: 4px; padding: 1px 5px; min-width: 0; }
.stn option { color: #000; background: #fff; } .stn input[type=number] { width: 100%; box-sizing: border-box; }
.stn input[type=range] { width: 100%; min-width: 0; accent-color: #f76707; }
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
.stn .classes .bar { height: 11px; background: #868e96; min-width: 1px; } .stn .classes .best { background: #f76707; }
.stn .classes .percent { text-align: right; font-variant-numeric: tabular-nums; } .stn .verdict { font-weight: 600; }
.stn .problem { flex: 1 1 100%; color: #e03131; font-weight: 600; } .stn .problem:empty { display: none; }
`;
