import assert from "node:assert/strict";

/** Asserts that an event has at least these fields, with these values; a function as a value is a condition. */
export function has(actual, expected, path = "event") {
  for (const [key, value] of Object.entries(expected)) {
    const place = `${path}.${key}`;
    if (typeof value === "function") {
      assert.ok(value(actual?.[key]), `${place} is ${JSON.stringify(actual?.[key])}`);
    } else if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      has(actual?.[key], value, place);
    } else {
      assert.deepEqual(actual?.[key], value, place);
    }
  }
}

export const isText = (value) => typeof value === "string" && value !== "";

/** Whether a time is of the last minute: clocks are corrected, not shifted. */
export const isRecent = (value) => Math.abs(Date.now() - Date.parse(value)) < 60_000;

/** The one event of a type. */
export function ofType(events, type) {
  const found = events.filter((event) => event.type === type);
  assert.equal(found.length, 1, `${found.length} events of the type ${type}`);
  return found[0];
}
