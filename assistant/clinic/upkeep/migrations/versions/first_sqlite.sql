-- One statement a paragraph. What was done cannot be made undone: audit and changes only grow.
CREATE TRIGGER audit_stays_as_it_is BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is only ever added to'); END;

CREATE TRIGGER audit_loses_nothing BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is only ever added to'); END;

CREATE TRIGGER changes_stay_as_they_are BEFORE UPDATE ON changes
BEGIN SELECT RAISE(ABORT, 'changes are only ever added to'); END;

CREATE TRIGGER changes_lose_nothing BEFORE DELETE ON changes
BEGIN SELECT RAISE(ABORT, 'changes are only ever added to'); END;

-- An appointment that is over or cancelled stays as it is.
CREATE TRIGGER closed_stays_so BEFORE UPDATE ON appointments WHEN OLD.state <> 'booked'
BEGIN SELECT RAISE(ABORT, 'this appointment is closed'); END;
