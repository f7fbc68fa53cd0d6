/** What a tool does, in plain words, for every state that it can be in. */

/** Tool: what it is doing, what it has done, and what it was to do. */
const KNOWN = {
  clinic_facts: ["Looking that up for you", "Looked up what the clinic says", "look that up"],
  find_practitioners: ["Looking for practitioners", "Looked for practitioners", "look for practitioners"],
  find_free_slots: ["Looking for free times", "Looked for free times", "look for free times"],
  my_appointments: ["Looking at your appointments", "Looked at your appointments", "look at your appointments"],
  book_appointment: ["Booking the appointment", "Booked the appointment", "book the appointment"],
  reschedule_appointment: ["Moving the appointment", "Moved the appointment", "move the appointment"],
  cancel_appointment: ["Cancelling the appointment", "Cancelled the appointment", "cancel the appointment"],
  join_waiting_list: ["Joining the waiting list", "Joined the waiting list", "join the waiting list"],
  day_schedule: ["Looking at the schedule", "Looked at the schedule", "look at the schedule"],
  find_patients: ["Looking for patients", "Looked for patients", "look for patients"],
  book_for_patient: ["Booking for the patient", "Booked for the patient", "book for the patient"],
  waiting_list: ["Looking at the waiting list", "Looked at the waiting list", "look at the waiting list"],
  open_record: ["Looking at what is open here", "Looked at what is open here", "look at what is open here"],
  current_time: ["Checking the date and time", "Checked the date and time", "check the date and time"],
};

const STATES = {
  working: ([doing]) => `${doing}…`,
  waiting: ([, , task]) => `Waiting for a yes to ${task}`,
  ok: ([, done]) => done,
  error: ([, , task]) => `Could not ${task}`,
  rejected: ([, , task]) => `Did not ${task}: declined`,
  expired: ([, , task]) => `Did not ${task}: not approved in time`,
  uncertain: ([, , task]) => `Tried to ${task}: it may or may not have worked`,
  stopped: ([, , task]) => `Stopped before it could ${task}`,
};

/** Say what a call of the tool `name` does in `state`: `working`, `waiting` or an outcome. */
export function phrase(name, state) {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : fromName(name);
  const say = Object.hasOwn(STATES, state) ? STATES[state] : () => `${known[0]}: ${state}`;
  return say(known);
}

function fromName(name) {
  const quoted = `“${readable(name) || "a tool"}”`;
  return [`Using ${quoted}`, `Used ${quoted}`, `use ${quoted}`];
}

/** `find_free_slots` as a person would write it. */
export function readable(name = "") {
  const text = name.replaceAll(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
