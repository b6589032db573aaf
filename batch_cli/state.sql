-- name: schema_1
create table intent (
    id             text    primary key,              -- 'bci_' and 128 random bits; the key sent with a create
    content        text    not null,                 -- hash over where it goes and what: the same again is recognised
    provider       text    not null,
    model          text    not null,
    endpoint       text    not null,
    source         text    not null,                 -- the file as the user named it, for messages
    sha256         text    not null,
    bytes          integer not null,
    requests       integer not null,
    response_schema text,                            -- JSON Schema that all requests ask for, if they do
    settings       text    not null,                 -- JSON, the provider's own
    metadata       text    not null,                 -- JSON
    state          text    not null check (state in ('prepared', 'staged', 'creating', 'done')),
    staged         text,
    batch          text,
    status         text,                             -- the batch's last known status, for listing
    created_at     real    not null,
    check (state in ('prepared', 'staged', 'creating') or batch is not null)
) strict, without rowid;
create index intent_content on intent (content, created_at);
create unique index intent_batch on intent (batch) where batch is not null;
create index intent_created on intent (created_at);
create table event (
    seq     integer primary key,
    intent  text    not null,
    at      real    not null,
    state   text    not null,
    detail  text
) strict

-- name: add_intent
insert into intent (id, content, provider, model, endpoint, source, sha256, bytes, requests, response_schema,
                    settings, metadata, state, created_at)
values (:id, :content, :provider, :model, :endpoint, :source, :sha256, :bytes, :requests, :response_schema,
        :settings, :metadata, 'prepared', :created_at)

-- name: add_event
insert into event (intent, at, state, detail) values (?, ?, ?, ?)

-- name: move_intent
-- Conditional: a state is only ever left by whoever saw it.
update intent set state = :to, staged = coalesce(:staged, staged), batch = coalesce(:batch, batch),
                  status = coalesce(:status, status)
where id = :id and state = :from

-- name: note_status
update intent set status = ? where batch = ?

-- name: same_content
-- The newest first; index intent_content.
select * from intent where content = ? and created_at >= ? order by created_at desc, id desc limit 1

-- name: by_id
select * from intent where id = ?

-- name: by_batch
select * from intent where batch = ?

-- name: newest
select * from intent
where state = 'done' and (:provider is null or provider = :provider)
order by created_at desc, id desc limit :most offset :skip

-- name: remove_batch
delete from intent where batch = ?
