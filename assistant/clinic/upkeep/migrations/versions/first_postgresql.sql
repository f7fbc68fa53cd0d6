-- One statement a paragraph. Who may do what: assistant/clinic/records/grants.py says the same to
-- the application; here the database says it by itself. Roles belong to the whole server, so they
-- may be there already.
DO $$
DECLARE role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['clinic_visitor', 'clinic_patient', 'clinic_staff'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO clinic_visitor, clinic_patient, clinic_staff;

-- Which version this is, and what anybody may know.
GRANT SELECT ON alembic_version, locations, opening_hours, services, practitioners,
  practitioner_languages, practitioner_services, working_hours, insurers, facts, closures
  TO clinic_visitor, clinic_patient, clinic_staff;

GRANT SELECT (practitioner_id, at) ON taken_times TO clinic_visitor;

-- The appointment's number too, by which a patient's own times are given back.
GRANT SELECT, INSERT, DELETE ON taken_times TO clinic_patient, clinic_staff;

GRANT SELECT (id, given_name, family_name, date_of_birth, phone, email, insurer_id)
  ON patients TO clinic_patient;

GRANT SELECT (id, given_name, family_name, search_name, date_of_birth, phone)
  ON patients TO clinic_staff;

GRANT SELECT, INSERT,
  UPDATE (state, starts_at, ends_at, practitioner_id, location_id, service_id)
  ON appointments TO clinic_patient, clinic_staff;

GRANT SELECT, INSERT, DELETE ON patient_times, waiting TO clinic_patient, clinic_staff;

GRANT SELECT, INSERT ON changes TO clinic_patient, clinic_staff;

GRANT SELECT, INSERT, UPDATE (made_at) ON handles TO clinic_visitor, clinic_patient, clinic_staff;

GRANT INSERT ON audit TO clinic_visitor, clinic_patient, clinic_staff;

-- Rows. Forced: it holds for the owner too, who has to say that this is upkeep.
DO $$
DECLARE table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['patients', 'appointments', 'patient_times', 'taken_times',
                                    'changes', 'waiting', 'handles', 'audit'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY upkeep ON %I TO CURRENT_USER
                    USING (current_setting(''clinic.upkeep'', true) = ''on'')', table_name);
  END LOOP;
END
$$;

-- The staff see everybody's; what they may change, the grants say.
DO $$
DECLARE table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['patients', 'appointments', 'patient_times', 'taken_times',
                                    'changes', 'waiting'] LOOP
    EXECUTE format('CREATE POLICY staff ON %I TO clinic_staff USING (true)', table_name);
  END LOOP;
END
$$;

CREATE POLICY own ON patients TO clinic_patient
  USING (id = current_setting('clinic.patient', true));

CREATE POLICY own_seen ON appointments FOR SELECT TO clinic_patient
  USING (patient_id = current_setting('clinic.patient', true));

CREATE POLICY own_made ON appointments FOR INSERT TO clinic_patient
  WITH CHECK (patient_id = current_setting('clinic.patient', true) AND state = 'booked');

CREATE POLICY own_changed ON appointments FOR UPDATE TO clinic_patient
  USING (patient_id = current_setting('clinic.patient', true))
  WITH CHECK (patient_id = current_setting('clinic.patient', true)
              AND state IN ('booked', 'cancelled'));

-- Anybody may know that a time is taken; a patient takes only the time of an own appointment.
CREATE POLICY seen ON taken_times FOR SELECT TO clinic_visitor, clinic_patient USING (true);

CREATE POLICY own_made ON taken_times FOR INSERT TO clinic_patient
  WITH CHECK (EXISTS (
    SELECT FROM appointments
    WHERE appointments.id = taken_times.appointment_id
      AND appointments.patient_id = current_setting('clinic.patient', true)
      AND appointments.practitioner_id = taken_times.practitioner_id
      AND appointments.state = 'booked'
      AND appointments.starts_at <= taken_times.at AND taken_times.at < appointments.ends_at));

CREATE POLICY own_freed ON taken_times FOR DELETE TO clinic_patient
  USING (EXISTS (
    SELECT FROM appointments
    WHERE appointments.id = taken_times.appointment_id
      AND appointments.patient_id = current_setting('clinic.patient', true)));

CREATE POLICY own ON patient_times TO clinic_patient
  USING (patient_id = current_setting('clinic.patient', true))
  WITH CHECK (patient_id = current_setting('clinic.patient', true) AND EXISTS (
    SELECT FROM appointments
    WHERE appointments.id = patient_times.appointment_id
      AND appointments.patient_id = current_setting('clinic.patient', true)));

CREATE POLICY own ON changes TO clinic_patient
  USING (patient_id = current_setting('clinic.patient', true))
  WITH CHECK (patient_id = current_setting('clinic.patient', true)
    AND (appointment_id IS NULL OR EXISTS (
      SELECT FROM appointments
      WHERE appointments.id = changes.appointment_id
        AND appointments.patient_id = current_setting('clinic.patient', true))));

CREATE POLICY own ON waiting TO clinic_patient
  USING (patient_id = current_setting('clinic.patient', true));

CREATE POLICY own ON handles TO clinic_visitor, clinic_patient, clinic_staff
  USING (scope = current_setting('clinic.scope', true));

-- Nobody writes in another kind's name, and nobody reads.
CREATE POLICY visitors ON audit FOR INSERT TO clinic_visitor WITH CHECK (kind = 'visitor');

CREATE POLICY patients ON audit FOR INSERT TO clinic_patient WITH CHECK (kind = 'patient');

CREATE POLICY staff ON audit FOR INSERT TO clinic_staff WITH CHECK (kind = 'staff');

-- What was done cannot be made undone, by the owner neither: audit and changes only grow.
CREATE FUNCTION clinic_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = '42501';
END
$$;

CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION clinic_refuse();

CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
  FOR EACH STATEMENT EXECUTE FUNCTION clinic_refuse();

-- An appointment that is over or cancelled stays as it is.
CREATE FUNCTION clinic_refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'this appointment is closed' USING ERRCODE = '42501';
END
$$;

CREATE TRIGGER closed_stays_so BEFORE UPDATE ON appointments
  FOR EACH ROW WHEN (OLD.state <> 'booked') EXECUTE FUNCTION clinic_refuse_closed();

-- Names of ended conversations are in nobody's sight; this takes some of them away.
CREATE FUNCTION clinic_forget_handles(before timestamptz, batch integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM set_config('clinic.upkeep', 'on', true);
  DELETE FROM handles WHERE (scope, handle) IN (
    SELECT scope, handle FROM handles WHERE made_at <= before LIMIT batch);
  PERFORM set_config('clinic.upkeep', 'off', true);
END
$$;

REVOKE ALL ON FUNCTION clinic_forget_handles FROM PUBLIC;

GRANT EXECUTE ON FUNCTION clinic_forget_handles TO clinic_visitor, clinic_patient, clinic_staff;
