-- Statements of Names.

-- models --
-- The first names of models.
SELECT model_name FROM models ORDER BY model_name LIMIT %(limit)s::integer;

-- versions --
-- The newest versions of a model.
SELECT model_version FROM model_versions
WHERE model_name = %(model_name)s::text
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s::integer;

-- slots --
-- The slots of a model.
SELECT slot FROM model_slots WHERE model_name = %(model_name)s::text ORDER BY slot LIMIT %(limit)s::integer;
