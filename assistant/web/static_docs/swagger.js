// Starts Swagger UI on our own document; addresses are relative, so a path prefix does no harm.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The validator badge would send the document's address to another host.
  validatorUrl: null,
});
