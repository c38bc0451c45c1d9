// Package livepage is the page at / of the admin address: what the worker does, and
// did in the last 15 minutes, as it happens.
//
// A Feed looks at the worker once a second, whatever the number of messages, and
// keeps 15 minutes of points in memory: about 150 KiB. Stream sends them, and then
// each second's, as server-sent events (https://html.spec.whatwg.org, section 9.2):
//
//	event: hello   {"started","version","name","page","controls","columns","points":[[…]…]}
//	event: now     {"point":[…],"status":{…},"hot":[…]}
//	event: bye     {}   the worker stops
//
// The page itself is the files in static, embedded, with no build step, and asks for
// nothing from anywhere else.
package livepage
