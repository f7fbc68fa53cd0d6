// Starts ReDoc on our own document, with fonts that every machine has.
const FONT = "system-ui, sans-serif";

// ReDoc shows its maker's logo from another host. A page that must work offline asks for nothing
// there: a foreign image gets an empty source, upon which ReDoc takes it away by itself.
const setAttribute = Element.prototype.setAttribute;
HTMLImageElement.prototype.setAttribute = function set(name, value) {
  const foreign = name === "src" && new URL(value, location.href).origin !== location.origin;
  setAttribute.call(this, name, foreign && !value.startsWith("data:") ? "data:," : value);
};

Redoc.init(
  "openapi.json",
  {
    hideDownloadButtons: false,
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
