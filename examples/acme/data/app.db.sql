CREATE TABLE account (
  login TEXT PRIMARY KEY,
  employee_number TEXT,
  display_name TEXT,
  mail TEXT,
  department TEXT,
  title TEXT,
  badge TEXT,
  manager TEXT,
  active BOOLEAN NOT NULL DEFAULT 1
);
