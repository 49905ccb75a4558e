/** The codes of the API's envelope, with the HTTP statuses that go with each. */
export const codes = [
  { code: 0, http: 200, meaning: "Success." },
  { code: 1001, http: 401, meaning: "No bearer token was sent." },
  { code: 1002, http: 401, meaning: "The token is not known here." },
  { code: 1004, http: 403, meaning: "The token's role forbids it." },
  {
    code: 2001,
    http: 400,
    meaning:
      "Something is missing. `data.errors` lists every mistake of the request with its path, 100 of them at most."
  },
  { code: 2002, http: 400, meaning: "Something cannot be read, or a field is not known." },
  { code: 2002, http: 415, meaning: "The body was not sent as JSON." },
  { code: 2003, http: 400, meaning: "A value is not allowed." },
  { code: 2003, http: 413, meaning: "The body is longer than 1 MiB, or 8 MiB of documents." },
  { code: 3001, http: 404, meaning: "There is no such thing." },
  { code: 3001, http: 405, meaning: "The path is there, but not for this method; `Allow` names those it takes." },
  { code: 3002, http: 409, meaning: "It is there already." },
  { code: 3003, http: 409, meaning: "The state of something else forbids it." },
  { code: 5001, http: 500, meaning: "A defect of Driftless; the log has it." },
  {
    code: 5001,
    http: 503,
    meaning: "The request took longer than 30 s and was given up; look whether it was done before you send it again."
  },
  { code: 5002, http: 500, meaning: "The database did not answer, or failed; the log has it." }
] as const
