// Starts ReDoc on our own document, with fonts that every machine has.
const FONT = "system-ui, sans-serif";

Redoc.init(
  "openapi.json",
  {
    sanitize: true,
    theme: {
      typography: {
        fontFamily: FONT,
        headings: { fontFamily: FONT },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("reference"),
);
