// What an operator may do where a token is set: pause, resume, the log's level.

export function makeControls(fault) {
  const place = (id) => document.getElementById(id);
  const level = place("level");
  const sure = place("sure");

  const order = async (what, body) => {
    try {
      const answer = await fetch(`control/${what}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body ?? {}),
      });
      fault(answer.ok ? null : `That was refused: ${(await answer.text()).trim()}`);
    } catch {
      fault("The worker does not answer: nothing was changed.");
    }
  };
  place("pause").addEventListener("click", () => {
    sure.returnValue = "no"; // Escape is a no
    sure.showModal();
  });
  sure.addEventListener("close", () => {
    if (sure.returnValue === "yes") order("pause");
  });
  place("resume").addEventListener("click", () => order("resume"));
  level.addEventListener("change", () => order("log-level", { level: level.value }));

  return {
    allow(controls) { place("controls").hidden = !controls; },
    show(status) {
      const paused = status.state === "paused";
      const refused = status.circuit.open && status.circuit.why === "all_refuse";
      place("pause").hidden = paused || status.state !== "receiving";
      place("resume").hidden = !paused && !refused;
      if (document.activeElement !== level && status.log_level) level.value = status.log_level;
    },
  };
}
