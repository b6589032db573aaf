-- name: schema_1
-- Times are seconds since 1970 on the server's clock. What a file holds stands beside this database, under its id.
create table file (
    seq        integer primary key autoincrement,
    id         text    not null unique,
    purpose    text    not null,
    filename   text    not null,
    bytes      integer not null check (bytes >= 0),
    created_at real    not null,
    expires_at real
) strict;
create table batch (
    seq               integer primary key autoincrement,
    id                text    not null unique,
    status            text    not null check (status in ('validating', 'failed', 'in_progress', 'finalizing',
                                                         'completed', 'expired', 'cancelling', 'cancelled')),
    input_file_id     text    not null,
    endpoint          text    not null,
    completion_window text    not null,
    metadata          text,                          -- JSON
    output_seconds    integer,                       -- how long its result files stay
    created_at        real    not null,
    expires_at        real    not null,
    model             text,
    in_progress_at    real,
    finalizing_at     real,
    completed_at      real,
    failed_at         real,
    expired_at        real,
    cancelling_at     real,
    cancelled_at      real,
    total             integer not null default 0,
    completed         integer not null default 0,
    failed            integer not null default 0,
    errors            text,                          -- JSON
    usage             text,                          -- JSON
    output_file_id    text,
    error_file_id     text
) strict;
create index batch_open on batch (seq) where status in ('validating', 'in_progress', 'finalizing', 'cancelling')

-- name: schema_2
-- Several wires: a client sees the files and batches of its own alone. A deleted batch stays in the ledger.
-- details: JSON, what only this wire knows. never_run: of the failed, those that never began.
alter table file add column wire text not null default 'openai';
alter table file add column details text;
alter table batch add column wire text not null default 'openai';
alter table batch add column details text;
alter table batch add column never_run integer not null default 0;
alter table batch add column deleted_at real

-- name: add_file
insert into file (id, purpose, filename, bytes, created_at, expires_at, wire, details)
values (:id, :purpose, :filename, :bytes, :created_at, :expires_at, :wire, :details)

-- name: file_by_id
select * from file
where id = :id and wire = :wire and (expires_at is null or expires_at > :now)

-- name: files_up
-- By primary key, a page at a time.
select * from file
where seq > :after and wire = :wire and (:purpose is null or purpose = :purpose) and (expires_at is null or expires_at > :now)
order by seq limit :most

-- name: files_down
select * from file
where seq < :after and wire = :wire and (:purpose is null or purpose = :purpose) and (expires_at is null or expires_at > :now)
order by seq desc limit :most

-- name: delete_file
delete from file where id = ?

-- name: expired_files
select id from file where expires_at <= ? limit 1000

-- name: file_ids
select id from file

-- name: file_totals
select count(*), coalesce(sum(bytes), 0) from file

-- name: latest_moment
-- Where a server that is started again goes on: its clock never goes back.
select max(moment) from (
    select max(created_at) as moment from file union all
    select max(max(created_at, coalesce(in_progress_at, 0), coalesce(finalizing_at, 0), coalesce(completed_at, 0),
                   coalesce(failed_at, 0), coalesce(expired_at, 0), coalesce(cancelling_at, 0),
                   coalesce(cancelled_at, 0))) from batch)

-- name: add_batch
insert into batch (id, status, input_file_id, endpoint, completion_window, metadata, output_seconds,
                   created_at, expires_at, wire, details)
values (:id, 'validating', :input_file_id, :endpoint, :completion_window, :metadata, :output_seconds,
        :created_at, :expires_at, :wire, :details)

-- name: batch_by_id
select * from batch where id = ? and deleted_at is null

-- name: batches_down
select * from batch where seq < :start and wire = :wire and deleted_at is null order by seq desc limit :most

-- name: batches_up
select * from batch where seq > :start and wire = :wire and deleted_at is null order by seq limit :most

-- name: all_batches
-- Deleted ones, too.
select * from batch where seq < ? order by seq desc limit ?

-- name: batch_of_ledger
select * from batch where id = ?

-- name: delete_batch
update batch set deleted_at = :now
where id = :id and status in ('failed', 'completed', 'expired', 'cancelled') and deleted_at is null

-- name: open_batches
-- Oldest first, by the partial index batch_open.
select * from batch where status in ('validating', 'in_progress', 'finalizing', 'cancelling') order by seq

-- name: batch_statuses
select status, count(*) from batch group by status

-- name: decide_batch
-- Once: a scenario that is changed later does not change it.
update batch set effects = :effects where id = :id and effects is null

-- name: fail_batch
update batch set status = 'failed', failed_at = :now, errors = :errors, total = :total
where id = :id and status in ('validating', 'in_progress', 'finalizing')

-- name: start_batch
update batch set status = 'in_progress', in_progress_at = :now, model = :model, total = :total
where id = :id and status = 'validating'

-- name: finalize_batch
update batch set status = 'finalizing', finalizing_at = :now where id = :id and status = 'in_progress'

-- name: cancel_batch
update batch set status = 'cancelling', cancelling_at = :now
where id = :id and status in ('validating', 'in_progress', 'finalizing')

-- name: end_batch
-- Only from the status that the result files were written for: a cancel may have come meanwhile.
update batch set status = :status, completed = :completed, failed = :failed, never_run = :never_run,
    usage = :usage,
    output_file_id = :output_file_id, error_file_id = :error_file_id,
    completed_at = iif(:status = 'completed', :now, null), expired_at = iif(:status = 'expired', :now, null),
    cancelled_at = iif(:status = 'cancelled', :now, null)
where id = :id and status = :was

-- name: schema_3
-- Files that come in parts. The content of a part stands beside this database, under its id.
create table upload (
    id         text    primary key,
    status     text    not null check (status in ('pending', 'completed', 'cancelled', 'expired')),
    filename   text    not null,
    purpose    text    not null,
    bytes      integer not null check (bytes > 0),
    stay       integer,                              -- seconds that the file stays
    created_at real    not null,
    expires_at real    not null
) strict;
create index upload_pending on upload (expires_at) where status = 'pending';
create table part (
    id         text    primary key,
    upload_id  text    not null references upload (id),
    bytes      integer not null check (bytes > 0),
    created_at real    not null
) strict;
create index part_of_upload on part (upload_id)

-- name: add_upload
insert into upload (id, status, filename, purpose, bytes, stay, created_at, expires_at)
values (:id, 'pending', :filename, :purpose, :bytes, :stay, :created_at, :expires_at)

-- name: upload_by_id
-- Late ones count as expired before somebody says so.
select id, iif(status = 'pending' and expires_at <= :now, 'expired', status), filename, purpose, bytes, stay,
       created_at, expires_at
from upload where id = :id

-- name: add_part
-- Only to a pending upload: it may have ended while the part was on its way.
insert into part (id, upload_id, bytes, created_at)
select :id, id, :bytes, :created_at from upload
where id = :upload_id and status = 'pending' and expires_at > :created_at

-- name: parts_of_upload
-- By the index part_of_upload.
select id, bytes from part where upload_id = ?

-- name: end_upload
update upload set status = :status where id = :id and status = 'pending' and expires_at > :now

-- name: late_uploads
-- By the partial index upload_pending.
select id from upload where status = 'pending' and expires_at <= ? limit 1000

-- name: expire_upload
update upload set status = 'expired' where id = ? and status = 'pending'

-- name: forget_parts
delete from part where upload_id = ?

-- name: part_ids
select id from part

-- name: part_bytes
select coalesce(sum(bytes), 0) from part

-- name: latest_upload_moment
select max(moment) from (
    select max(created_at) as moment from upload union all select max(created_at) from part)

-- name: schema_4
-- What clients call a create, so that a second try of it finds the batch of the first.
create table idempotency_key (
    key      text primary key,
    digest   text not null,                          -- of the body that came with it
    batch_id text not null references batch (id) on delete cascade
) strict

-- name: add_key
insert into idempotency_key (key, digest, batch_id) values (:key, :digest, :batch_id)

-- name: batch_of_key
select digest, batch_id from idempotency_key where key = ?

-- name: schema_5
-- effects: JSON, what a scenario does to a batch; null until that is decided.
alter table batch add column effects text
