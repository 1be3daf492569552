//! The schema, version 3. `docs/catalog.md` explains it, table by table.
//!
//! What is true here: the tables of [`APPEND_ONLY`] are only added to, which triggers hold; `current`, `hold`, `condemned`, `blessing` and
//! `stamp` are the present, and every move of the first four stands in `pointer_log`. A catalog is made as version 1 and brought up to date
//! by the same statements ([`FROM_1`]) that bring an old one up to date when it is opened.

/// `user_version` of the database.
pub const VERSION: i64 = 3;

/// `application_id` of the database: "FMKE".
pub const APPLICATION: i64 = 0x464D_4B45;

/// Makes an empty database into a catalog of version 1.
pub const CREATE: &str = "
create table identity (
    id integer primary key,
    class text not null,
    instance text not null,
    label text not null,
    repository text not null,
    components text not null,
    unique (class, instance, label, repository)
) strict;

create table snapshot (
    id integer primary key,
    identity integer not null references identity,
    content blob not null,
    kind text not null check (kind in ('file', 'executable', 'folder')),
    bytes integer not null,
    files integer not null,
    path text not null,
    stored integer not null,
    origin text not null check (origin in ('run', 'published', 'source')),
    run integer references run,
    made integer not null
) strict;
create index snapshot_by_identity on snapshot (identity);
create index snapshot_by_content on snapshot (content);

create table recipe (
    fingerprint blob primary key,
    parts text not null
) strict, without rowid;

create table run (
    id integer primary key,
    formula text not null,
    place text not null,
    label text not null,
    key blob not null,
    fixed blob not null,
    fingerprint blob not null references recipe,
    variables text not null,
    effect integer not null,
    started integer not null,
    seconds real not null,
    outcome text not null check (outcome in ('succeeded', 'failed', 'interrupted')),
    message text,
    attempts integer not null,
    folder text not null,
    user text not null
) strict;
create index run_by_key on run (key);
create index run_by_fixed on run (fixed);
create index run_by_formula on run (formula, outcome, seconds);

create table run_input (
    run integer not null references run,
    position integer not null,
    name text not null,
    identity integer not null references identity,
    snapshot integer not null references snapshot,
    primary key (run, position)
) strict, without rowid;
create index run_input_by_snapshot on run_input (snapshot);

create table run_output (
    run integer not null references run,
    position integer not null,
    identity integer not null references identity,
    snapshot integer references snapshot,
    primary key (run, position)
) strict, without rowid;
create index run_output_by_identity on run_output (identity);

create table current (
    identity integer primary key references identity,
    snapshot integer not null references snapshot,
    since integer not null
) strict;
create index current_by_snapshot on current (snapshot);

create table pointer_log (
    id integer primary key autoincrement,
    at integer not null,
    user text not null,
    host text not null,
    command text not null,
    what text not null,
    identity integer references identity,
    was integer references snapshot,
    now integer references snapshot,
    because text
) strict;
create index pointer_log_by_identity on pointer_log (identity);
create index pointer_log_of_invalidations on pointer_log (identity) where what = 'invalidate';

create table hold (
    identity integer primary key references identity,
    because text not null,
    user text not null,
    at integer not null
) strict;

create table invalidation (
    snapshot integer primary key references snapshot,
    because text not null,
    user text not null,
    at integer not null
) strict;

create table condemned (
    class text not null,
    instance text not null,
    repository text not null,
    content blob not null,
    primary key (class, instance, repository, content)
) strict, without rowid;

create table stamp (
    snapshot integer primary key references snapshot,
    stamp blob not null
) strict;

create view current_snapshots as
select i.class, i.instance, i.label, i.repository, s.id as snapshot, lower(hex(s.content)) as content, s.bytes, s.files, s.path, s.origin,
       s.run, datetime(s.made / 1000, 'unixepoch') as made, datetime(c.since / 1000, 'unixepoch') as since
from current c join identity i on i.id = c.identity join snapshot s on s.id = c.snapshot;

create view history as
select datetime(l.at / 1000, 'unixepoch') as at, l.user, l.what, i.class, i.instance, i.label, i.repository, l.was, l.now, l.because, l.command
from pointer_log l left join identity i on i.id = l.identity order by l.id;

create view lineage as
select oi.class, oi.instance, oi.label, oi.repository, o.snapshot, r.id as run, n.name as input,
       ii.class as input_class, ii.instance as input_instance, n.snapshot as input_snapshot
from run r join run_output o on o.run = r.id join identity oi on oi.id = o.identity
left join run_input n on n.run = r.id left join identity ii on ii.id = n.identity
where o.snapshot is not null;
";

/// Makes a catalog of version 1 one of version 2: labels with a base, promotions, blessings, cleaning.
pub const FROM_1: &str = "
alter table run add column shape blob;
alter table current add column saw integer;
create index run_by_fingerprint on run (fingerprint, label, outcome);

create table promotion (
    id integer primary key,
    kind text not null check (kind in ('promotion', 'rollback')),
    at integer not null,
    user text not null,
    source_label text,
    label text not null,
    because text
) strict;

create table promotion_move (
    promotion integer not null references promotion,
    position integer not null,
    identity integer not null references identity,
    was integer references snapshot,
    now integer references snapshot,
    primary key (promotion, position)
) strict, without rowid;

create table promotion_undone (
    promotion integer not null references promotion,
    undoes integer not null references promotion,
    primary key (promotion, undoes)
) strict, without rowid;

create table blessing (
    snapshot integer not null references snapshot,
    key blob not null,
    identity integer not null references identity,
    because text not null,
    user text not null,
    at integer not null,
    primary key (snapshot, key)
) strict, without rowid;

create table cleaning (
    snapshot integer primary key references snapshot,
    user text not null,
    at integer not null
) strict;
";

/// Makes a catalog of version 2 one of version 3: what looks at bytes told, and quarantine.
pub const FROM_2: &str = "
create table quarantine (
    snapshot integer primary key references snapshot,
    contract blob,
    because text not null,
    user text not null,
    at integer not null
) strict;

create table profile (
    snapshot integer primary key references snapshot,
    profile text not null
) strict;

create table report (
    snapshot integer not null references snapshot,
    contract blob not null,
    report text not null,
    at integer not null,
    primary key (snapshot, contract)
) strict, without rowid;
";

/// Tables of version 1 that are only added to.
pub const APPEND_ONLY: &[&str] = &["identity", "snapshot", "recipe", "run", "run_input", "run_output", "invalidation", "pointer_log"];

/// Tables that version 2 added, and that are only added to.
pub const APPEND_ONLY_2: &[&str] = &["promotion", "promotion_move", "promotion_undone", "cleaning"];

/// Tables that version 3 added, and that are only added to.
pub const APPEND_ONLY_3: &[&str] = &["quarantine"];
