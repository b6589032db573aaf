-- name: add
insert into attempt (content, root, number) values (?, ?, ?) on conflict do nothing

-- name: of_roots
-- Indexes attempt_root, intent_content, job_content. The parts of a job have contents of their own.
select attempt.number, attempt.content, intent.id, intent.batch, intent.provider, intent.created_at as at
from attempt join intent on intent.content = attempt.content
where attempt.root in (select value from json_each(:roots))
union all
select attempt.number, attempt.content, job.id, job.id, job.provider, job.created_at
from attempt join job on job.content = attempt.content
where attempt.root in (select value from json_each(:roots))
order by 1, at, 3

-- name: root_of
select attempt.root from intent join attempt on attempt.content = intent.content where intent.batch = :name
union all
select attempt.root from job join attempt on attempt.content = job.content where job.id = :name
limit 1
