// followStream calls the handlers with the worker's events. The browser takes a
// broken stream up again by itself, but gives up where something in between answers
// with an error; then it is begun anew here.
const again = 2000; // ms
const silence = 8000; // ms without an event: the connection is gone without a word

export function followStream(address, handlers) {
  let source;
  let last = Date.now();
  let lostSince = null;

  const lost = () => {
    lostSince ??= last;
    handlers.lost(lostSince);
  };
  const heard = () => {
    last = Date.now();
    lostSince = null;
  };
  const begin = () => {
    source?.close();
    source = new EventSource(address);
    for (const name of ["hello", "now", "bye", "fault"]) {
      source.addEventListener(name, (event) => {
        heard();
        handlers[name](JSON.parse(event.data));
      });
    }
    source.onerror = () => {
      lost();
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(askedToLogIn, again);
      }
    };
  };
  // Where the token is asked for again, the page's own address leads to the form.
  const askedToLogIn = async () => {
    try {
      const answer = await fetch("status", { method: "HEAD", cache: "no-store" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
    } catch {
      // the worker is not there yet
    }
    begin();
  };
  setInterval(() => {
    if (Date.now() - last > silence && source.readyState === EventSource.OPEN) {
      lost();
      begin();
    }
  }, 1000);
  begin();
}
