-- Statements of ModelsRepository.

-- fragment model --
-- The columns of a model.
model_name, description, slice_key, tags, created_at, created_by, updated_at

-- insert --
-- Register a model. No row when there is one of that name, or of one that looks like it.
INSERT INTO models (model_name, description, slice_key, tags, created_at, created_by)
VALUES (%(model_name)s::text, %(description)s::text, %(slice_key)s::text, coalesce(%(tags)s::jsonb, '{}'),
        coalesce(%(created_at)s::timestamptz, clock_timestamp()), coalesce(%(created_by)s::text, session_user))
-- Of both constraints: of several calls at once all but one would fail at the other.
ON CONFLICT DO NOTHING
RETURNING {model};

-- read get --
-- One model.
SELECT {model}
FROM models
WHERE model_name = %(model_name)s::text;

-- read list_models --
-- Models by name; the next page is after the last name of this one.
SELECT {model}
FROM models
WHERE (%(tags)s::jsonb IS NULL OR tags @> %(tags)s::jsonb)
  AND (%(after)s::text IS NULL OR model_name > %(after)s::text)
ORDER BY model_name
LIMIT %(limit)s::integer;

-- set_description --
-- Replace the description of a model.
UPDATE models
SET description = %(description)s::text
WHERE model_name = %(model_name)s::text
RETURNING {model};

-- set_slice_key --
-- Replace the slice_key of a model.
UPDATE models
SET slice_key = %(slice_key)s::text
WHERE model_name = %(model_name)s::text
RETURNING {model};

-- set_tags --
-- Merge tags into a model's; a null value takes the tag away.
UPDATE models
SET tags = (tags || %(tags)s::jsonb)
           - ARRAY(SELECT jsonb_path_query(%(tags)s::jsonb, '$.keyvalue() ? (@.value == null).key', silent => true)
                          #>> '{}')
WHERE model_name = %(model_name)s::text
RETURNING tags;
