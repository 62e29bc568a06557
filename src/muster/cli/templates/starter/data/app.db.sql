CREATE TABLE account (
  login TEXT PRIMARY KEY,
  employee_number TEXT,
  display_name TEXT,
  mail TEXT,
  department TEXT,
  manager TEXT REFERENCES account (login),
  active BOOLEAN NOT NULL DEFAULT 1
);
