-- What the tables have in common: ids, what their constraints check, the trigger that keeps history, privileges.

CREATE FUNCTION ledger_uuid() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    -- A random uuid whose first 48 bits are the time in milliseconds and whose version is 7.
    set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                FROM 1 FOR 6),
        52, 1), 53, 1),
    'hex')::uuid;
COMMENT ON FUNCTION ledger_uuid() IS
    'A new time-ordered UUIDv7 (RFC 9562), on every supported PostgreSQL.';

CREATE FUNCTION ledger_uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT (lpad(to_hex(u.microseconds / 1000), 12, '0') || '7'
            || lpad(to_hex((u.microseconds % 1000 << 12) / 1000), 3, '0') || '8000000000000000')::uuid
    FROM (SELECT (extract(epoch FROM at) * 1000000)::bigint AS microseconds) u);
COMMENT ON FUNCTION ledger_uuid_floor(timestamptz) IS
    'The smallest UUIDv7 of a timestamp. Its first 48 bits are milliseconds; 12 more after the version are the rest, exact to the microsecond.';

CREATE FUNCTION ledger_uuid_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT to_timestamp((('x' || left(u.hex, 12))::bit(48)::bigint * 1000
                         + least((('x' || substr(u.hex, 14, 3))::bit(12)::integer * 1000 + 4095) / 4096, 999)) / 1000000.0)
    FROM (SELECT replace(id::text, '-', '') AS hex) u);
COMMENT ON FUNCTION ledger_uuid_time(uuid) IS 'The timestamp of a UUIDv7, to the microsecond; predictions are found by it.';

CREATE FUNCTION ledger_metric(metrics jsonb, name text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(metrics -> name) = 'number' THEN (metrics ->> name)::double precision END;
COMMENT ON FUNCTION ledger_metric(jsonb, text) IS
    'The number stored under a name in a metrics object, or NULL.';

-- Case is folded by a list instead of lower(), whose answer depends on the locale of the database: in Turkish I is
-- the capital of another letter, in C only A to Z have small ones.
CREATE FUNCTION ledger_small_letters(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(
    lower(name COLLATE "C"),
        'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĴĶĹĻĽŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽƁƂƄƆƇƉƊƋƎƏ'
        'ƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃɄɅɆɈɊɌɎͰͲͶͿΆΈΉΊΌΎΏ'
        'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮ'
        'ѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸ'
        'ԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖḀḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲṴṶṸṺṼṾẀẂẄẆẈẊ'
        'ẌẎẐẒẔẞẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾἈἉἊἋἌἍἎἏἘἙἚἛἜἝἨἩἪἫἬἭἮἯἸἹἺἻἼἽἾἿὈὉὊὋὌὍὙὛὝὟὨὩὪὫὬὭ'
        'ὮὯᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾸᾹᾺᾼῈῊῌῘῙῚῨῩῪῬῸῺῼⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿ',
        'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĵķĺļľłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžɓƃƅɔƈɖɗƌǝə'
        'ɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱͳͷϳάέήίόύώ'
        'αβγδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯ'
        'ѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէը'
        'թժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆḁḃḅḇḉḋḍḏḑḓḕḗḙḛḝḟḡḣḥḧḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳṵṷṹṻṽṿẁẃẅẇẉẋ'
        'ẍẏẑẓẕßạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹỻỽỿἀἁἂἃἄἅἆἇἐἑἒἓἔἕἠἡἢἣἤἥἦἧἰἱἲἳἴἵἶἷὀὁὂὃὄὅὑὓὕὗὠὡὢὣὤὥ'
        'ὦὧᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾰᾱὰᾳὲὴῃῐῑὶῠῡὺῥὸὼῳⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀ');
COMMENT ON FUNCTION ledger_small_letters(text) IS
    'A text with the small letters of the Latin, Greek, Cyrillic and Armenian alphabets (the simple mappings of Unicode''s UnicodeData.txt), the same in every locale.';

-- Two spellings that look the same are the same person: compatibility forms such as full-width letters are
-- taken apart and put together again, and characters that are never seen go: those that Unicode calls
-- Default_Ignorable_Code_Point (DerivedCoreProperties.txt), marks of interlinear annotation, the empty Braille cell.
CREATE FUNCTION ledger_person(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN btrim(regexp_replace(
    ledger_small_letters(normalize(regexp_replace(
        normalize(name, NFKC),
        '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]',
        '', 'g'), NFKC)),
    '[\u0009-\u000d\u0020\u0085\u1680\u2028\u2029]+', ' ', 'g'));
COMMENT ON FUNCTION ledger_person(text) IS
    'A name as it is compared with another: in small letters and NFKC, without characters that cannot be seen, and with single blanks between words. Letters of other alphabets that look alike stay different.';

-- What the constraints of many tables check. The server puts the body of such a function in place of its call.

CREATE FUNCTION ledger_is_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN char_length(name) BETWEEN 1 AND 255 AND name = btrim(name) AND name !~ '[[:cntrl:]]';
COMMENT ON FUNCTION ledger_is_name(text) IS
    'Whether a text is a name: 1 to 255 characters, no control characters, no blanks at the ends.';

CREATE FUNCTION ledger_is_slug(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- A bound within the pattern would cost ten times as much.
RETURN octet_length(name) <= 63 AND name ~ '^[a-z0-9][a-z0-9_.-]*$';
COMMENT ON FUNCTION ledger_is_slug(text) IS
    'Whether a text is a short name for machines: lower-case letters, digits, _, . or -, at most 63 of them.';

CREATE FUNCTION ledger_is_person(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN char_length(name) <= 255 AND name !~ '[[:cntrl:]]' AND ledger_person(name) <> '';
COMMENT ON FUNCTION ledger_is_person(text) IS
    'Whether a text names somebody: at most 255 characters, none a control character and some that can be seen.';

CREATE FUNCTION ledger_is_time(at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN at >= '0001-01-01 00:00+00' AND at < '10000-01-01 00:00+00';
COMMENT ON FUNCTION ledger_is_time(timestamptz) IS
    'Whether a timestamp lies in the years 1 to 9999, which every client can read.';

CREATE FUNCTION ledger_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'MLAO0', HINT = 'Record a new fact instead of changing history.';
END
$$;
COMMENT ON FUNCTION ledger_refuse_change() IS 'Trigger of append-only tables: refuses the statement.';

-- Writer, approver and auditor are members of reader. The owner has everything, because it owns what is named here.
CREATE TABLE ledger_privileges (
    role text NOT NULL
        CONSTRAINT ledger_privileges_role_check CHECK (role IN ('reader', 'writer', 'approver', 'auditor', 'owner')),
    privilege text NOT NULL,
    object_type text NOT NULL
        CONSTRAINT ledger_privileges_object_type_check CHECK (object_type IN ('TABLE', 'VIEW', 'FUNCTION')),
    object_name text NOT NULL,
    columns text[],
    CONSTRAINT ledger_privileges_pkey PRIMARY KEY (object_name, role, privilege)
);
COMMENT ON TABLE ledger_privileges IS
    'What each kind of role may do; each migration adds the rows of what it makes. A role that is not named here may do nothing, except the owner.';
COMMENT ON COLUMN ledger_privileges.role IS 'reader, writer, approver or auditor, of which the last three are members of the first; owner for what nobody else may do.';
COMMENT ON COLUMN ledger_privileges.privilege IS 'SELECT, INSERT, UPDATE, DELETE or EXECUTE.';
COMMENT ON COLUMN ledger_privileges.object_type IS 'TABLE, VIEW or FUNCTION.';
COMMENT ON COLUMN ledger_privileges.object_name IS 'Name of the table, view or function.';
COMMENT ON COLUMN ledger_privileges.columns IS 'With these columns only; NULL for all.';
INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'ledger_privileges'),
    ('reader', 'SELECT', 'TABLE', 'ledger_migrations');
