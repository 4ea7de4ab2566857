-- Statements of Names.

-- models --
-- The first names of models; each is found by one descent of an index, however many versions there are.
WITH RECURSIVE n (model_name) AS (
    (SELECT model_name FROM model_versions ORDER BY model_name LIMIT 1)
    UNION ALL
    SELECT (SELECT v.model_name FROM model_versions v WHERE v.model_name > n.model_name ORDER BY v.model_name LIMIT 1)
    FROM n WHERE n.model_name IS NOT NULL
)
SELECT model_name FROM n WHERE model_name IS NOT NULL LIMIT %(limit)s::integer;

-- versions --
-- The newest versions of a model.
SELECT model_version FROM model_versions
WHERE model_name = %(model_name)s::text
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s::integer;

-- slots --
-- The slots of a model.
SELECT slot FROM model_slots WHERE model_name = %(model_name)s::text ORDER BY slot LIMIT %(limit)s::integer;
