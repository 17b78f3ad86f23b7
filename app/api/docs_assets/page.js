// The key that was typed in is kept for this tab alone: a reload has it, another tab and the disk do not.
const KEPT = "switchyard.authorized";

function keepForTheTab() {
  return {
    statePlugins: {
      auth: {
        wrapActions: {
          persistAuthorizationIfNeeded: (original, system) => () => {
            sessionStorage.setItem(KEPT, JSON.stringify(system.authSelectors.authorized().toJS()));
          },
        },
      },
    },
  };
}

function restore() {
  const kept = sessionStorage.getItem(KEPT);
  if (kept !== null) {
    window.ui.authActions.restoreAuthorization({ authorized: JSON.parse(kept) });
  }
}

window.onload = function () {
  window.ui = SwaggerUIBundle({
    url: "/docs/openapi.json",
    dom_id: "#page",
    deepLinking: true,
    validatorUrl: null,
    // Swagger UI's own way keeps keys in localStorage, for every tab and for good.
    persistAuthorization: false,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [keepForTheTab],
    onComplete: restore,
  });
};
