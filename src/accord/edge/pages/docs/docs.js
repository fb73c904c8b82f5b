// Kept apart from the page so that the Content-Security-Policy needs no inline script.
"use strict";

const METHODS = ["get", "put", "post", "delete", "patch"];
// What this tab is signed in with, here and on the page of live updates.
const SESSION = "accord.docs.session";
const SIGNS_OUT = /\/api\/v1\/auth\/logout(-all)?$/;
const SIGNS_IN = /\/api\/v1\/auth\/(login|refresh)$/;

function whoMayCall(operation) {
  const permission = operation["x-permission"];
  if (permission === "self") return "For anyone who is signed in.";
  if (permission) return "Needs the permission `" + permission + "`.";
  return operation.security.length ? "Signing in is optional." : "Needs no sign-in.";
}

// Swagger UI fills each field with its example and sends it. That suits what is required; an optional
// `If-Match` would contradict the version that one types, so optional fields start empty.
function withoutPrefill(parameter, contract) {
  if (parameter.$ref) parameter = lookUp(parameter.$ref, contract);
  if (parameter.required) return parameter;
  const { example, ...rest } = parameter;
  const schema = { ...(rest.schema.$ref ? lookUp(rest.schema.$ref, contract) : rest.schema) };
  delete schema.example;
  const hint = example === undefined ? "" : " For example `" + example + "`.";
  return { ...rest, schema, description: rest.description.trim() + hint };
}

function lookUp(reference, contract) {
  return reference.slice(2).split("/").reduce((found, part) => found[part], contract);
}

// Every operation can respond with these, always in the shape that 400 shows; a line for each is enough to read.
const ALIKE = ["401", "403", "404", "405", "406", "412", "413", "415", "429", "500", "503", "504"];

function inOneLine(response, contract) {
  const { description } = response.$ref ? lookUp(response.$ref, contract) : response;
  return { description };
}

// A client makes the ids of a transaction and of what it creates; those of the example are taken after the first try.
function withOwnIds(contract) {
  const { content } = contract.paths["/api/v1/transactions"].post.requestBody;
  const body = content["application/json"];
  const made = new Map();
  const own = (id) => made.get(id) || made.set(id, crypto.randomUUID()).get(id);
  // Pages that are not on this machine have it over HTTPS alone.
  if (!crypto.randomUUID) return contract;
  body.example = JSON.parse(JSON.stringify(body.example).replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, own));
  return contract;
}

function forReading(contract) {
  for (const path of Object.values(contract.paths)) {
    for (const method of METHODS.filter((name) => name in path)) {
      const operation = path[method];
      operation.description += "\n\n" + whoMayCall(operation);
      if (operation["x-stream"]) operation.description += "\n\nIts response does not end, so try it with `curl -N`.";
      operation.parameters = (operation.parameters || []).map((one) => withoutPrefill(one, contract));
      for (const status of ALIKE.filter((name) => name in operation.responses)) {
        operation.responses[status] = inOneLine(operation.responses[status], contract);
      }
    }
  }
  return contract;
}

function show(contract) {
  const bearer = contract.components.securitySchemes.bearerAuth;
  const authorize = (token) =>
    ui.authActions.authorizeWithPersistOption({ bearerAuth: { name: "bearerAuth", schema: bearer, value: token } });
  const ui = SwaggerUIBundle({
    spec: forReading(withOwnIds(contract)),
    dom_id: "#docs",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayOperationId: true,
    displayRequestDuration: true,
    persistAuthorization: true,
    validatorUrl: null,
    // Whoever signs in on this page goes on as that account.
    responseInterceptor(response) {
      if (response.ok && SIGNS_IN.test(response.url)) {
        sessionStorage.setItem(SESSION, JSON.stringify(response.body));
        authorize(response.body.accessToken);
      }
      if (response.ok && SIGNS_OUT.test(response.url)) sessionStorage.removeItem(SESSION);
      return response;
    },
    onComplete() {
      const session = JSON.parse(sessionStorage.getItem(SESSION));
      if (session) authorize(session.accessToken);
    },
  });
}

fetch("/openapi.json")
  .then((response) => response.json())
  .then(show)
  .catch(() => {
    document.getElementById("docs").textContent = "The contract could not be loaded. Reload the page.";
  });
