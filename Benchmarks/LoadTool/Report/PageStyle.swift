// PageStyle.swift: how the page looks.

enum PageStyle {
  static let css = """
    :root { color-scheme: light dark; --back: #fbfbf9; --card: #fff; --ink: #1d2126; --soft: #667079;
      --line: #e3e5e8; --c0: #2563c9; --c1: #d9730d; --c2: #0d8a66; --c3: #8a4fc7; }
    @media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1c2024; --ink: #e6e8ea;
      --soft: #98a2ab; --line: #31373d; --c0: #6ea4f5; --c1: #f0a04f; --c2: #4cc7a0; --c3: #bd93ee; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--back); color: var(--ink);
      font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
    main { max-width: 1220px; margin: 0 auto; padding: 28px 20px 40px; }
    h1 { font-size: 26px; line-height: 1.2; margin: 0 0 10px; }
    h2 { font-size: 19px; margin: 0; }
    h2 small { font-size: 14px; font-weight: normal; color: var(--soft); margin-left: 12px; }
    p { margin: 4px 0; }
    .facts, .conditions, footer { color: var(--soft); }
    .command code { background: var(--card); border: 1px solid var(--line); border-radius: 5px;
      padding: 2px 7px; font-size: 13px; overflow-wrap: anywhere; }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 14px 0 0; padding: 0; }
    .legend li::before { content: ""; display: inline-block; width: 12px; height: 12px; border-radius: 3px;
      margin-right: 8px; background: var(--c); }
    section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
      padding: 18px 20px; margin-top: 20px; }
    .ratio { font-size: 16px; margin: 10px 0 0; }
    .ratio b { font-size: 20px; }
    .ratio span { color: var(--soft); }
    .note { color: var(--c1); }
    .scroll { overflow-x: auto; margin: 12px 0 4px; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
    th, td { text-align: right; padding: 5px 10px; white-space: nowrap; border-bottom: 1px solid var(--line); }
    th { color: var(--soft); font-weight: 600; }
    td:nth-child(-n+2) { text-align: left; }
    td:nth-child(2) { color: var(--soft); }
    td:nth-child(3) { font-weight: 600; }
    .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); gap: 10px 22px; }
    figure { margin: 12px 0 0; }
    figcaption { font-weight: 600; font-size: 14px; margin-bottom: 4px; }
    svg { width: 100%; height: auto; display: block; }
    svg text { fill: var(--soft); font-size: 14px; }
    svg .y { text-anchor: end; } svg .x { text-anchor: middle; } svg .end { text-anchor: end; }
    svg .value { fill: var(--ink); text-anchor: middle; font-weight: 600; }
    .grid { stroke: var(--line); } .axis { stroke: var(--soft); }
    .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
    .dot, .bar { fill: var(--c); } .whisker { stroke: var(--ink); stroke-width: 1.5; }
    .c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
    footer { margin-top: 22px; font-size: 13px; }
    """
}
