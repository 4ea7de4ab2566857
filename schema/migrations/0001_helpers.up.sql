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

CREATE FUNCTION ledger_metric(metrics jsonb, name text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(metrics -> name) = 'number' THEN (metrics ->> name)::double precision END;
COMMENT ON FUNCTION ledger_metric(jsonb, text) IS 'The number stored under a name in a metrics object, or NULL.';

-- Case is folded by a list instead of lower(), whose answer depends on the locale of the database: in Turkish I is
-- the capital of another letter, in C only A to Z have small ones. That of İ is i to its readers in any locale.
CREATE FUNCTION ledger_fold_case(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(
    lower(name COLLATE "C"),
        'İÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĴĶĹĻĽŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽƁƂƄƆƇƉƊƋƎ'
        'ƏƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃɄɅɆɈɊɌɎͅͰͲͶͿΆΈΉΊΌ'
        'ΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨ'
        'ѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵ'
        'ԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᏸᏹᏺᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲉᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚ'
        'ᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿḀḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲṴṶṸṺṼṾẀ'
        'ẂẄẆẈẊẌẎẐẒẔẞẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾἈἉἊἋἌἍἎἏἘἙἚἛἜἝἨἩἪἫἬἭἮἯἸἹἺἻἼἽἾἿὈὉὊὋὌὍὙὛὝὟὨ'
        'ὩὪὫὬὭὮὯᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾸᾹᾺᾼῈῊῌῘῙῚῨῩῪῬῸῺῼℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢ'
        'ⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔ'
        'ꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟋꟌꟐꟖꟘꟚꟜꟵꭰꭱꭲꭳꭴꭵꭶ'
        'ꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚'
        '𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏'
        '𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𐵐𐵑𐵒𐵓𐵔𐵕𐵖𐵗𐵘𐵙𐵚𐵛𐵜𐵝𐵞𐵟𐵠𐵡𐵢𐵣𐵤𐵥𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊'
        '𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡',
        'iàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĵķĺļľłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžɓƃƅɔƈɖɗƌǝ'
        'əɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦɂƀʉʌɇɉɋɍɏιͱͳͷϳάέήίό'
        'ύώαβγδεζηθικλμνξοπρστυφχψωϊϋσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюяѡѣѥѧѩ'
        'ѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդե'
        'զէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭᏰᏱᏲᏳᏴᏵвдосттъѣꙋᲊაბგდევზთიკლ'
        'მნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿḁḃḅḇḉḋḍḏḑḓḕḗḙḛḝḟḡḣḥḧḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳṵṷṹṻṽṿẁ'
        'ẃẅẇẉẋẍẏẑẓẕßạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹỻỽỿἀἁἂἃἄἅἆἇἐἑἒἓἔἕἠἡἢἣἤἥἦἧἰἱἲἳἴἵἶἷὀὁὂὃὄὅὑὓὕὗὠ'
        'ὡὢὣὤὥὦὧᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾰᾱὰᾳὲὴῃῐῑὶῠῡὺῥὸὼῳⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫ'
        'ᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕ'
        'ꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊɤꟍꟑꟗꟙꟛƛꟶᎠᎡᎢᎣᎤᎥᎦ'
        'ᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂'
        '𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏'
        '𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𐵰𐵱𐵲𐵳𐵴𐵵𐵶𐵷𐵸𐵹𐵺𐵻𐵼𐵽𐵾𐵿𐶀𐶁𐶂𐶃𐶄𐶅𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪'
        '𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃');
COMMENT ON FUNCTION ledger_fold_case(text) IS
    'A text in which letters that differ in their case alone are the same (the simple mappings of Unicode''s CaseFolding.txt, version 16), in every locale.';

-- Characters that nobody sees: Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode), marks of
-- interlinear annotation, hieroglyph controls, the empty Braille cell, the empty notehead, a filler, and the code
-- points that are no characters.
CREATE FUNCTION ledger_invisible() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0'
       '\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff'
       '\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U0003fffe\U0003ffff\U0004fffe\U0004ffff\U0005fffe\U0005ffff\U0006fffe\U0006ffff\U0007fffe\U0007ffff\U0008fffe\U0008ffff'
       '\U0009fffe\U0009ffff\U000afffe\U000affff\U000bfffe\U000bffff\U000cfffe\U000cffff\U000dfffe\U000dffff\U000efffe\U000effff\U000ffffe\U000fffff\U0010fffe\U0010ffff';
COMMENT ON FUNCTION ledger_invisible() IS 'The characters that nobody sees, for the brackets of a regular expression.';

-- plpgsql remembers what it has evaluated; the body of an SQL function would be planned with every insert.
CREATE FUNCTION ledger_visible(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    -- First those that NFKC takes for others than a reader does.
    RETURN btrim(regexp_replace(
        regexp_replace(normalize(translate(name, 'ſϲϹͺ˛´΄᾽᾿῾¸˜῀︰﹘￨', 'fcCii'''''''''',~~:-l'), NFKC), '[' || ledger_invisible() || ']', '', 'g'),
        '[\u0009-\u000d\u0020\u0085\u1680\u2028\u2029]+', ' ', 'g'));
END
$$;
COMMENT ON FUNCTION ledger_visible(text) IS
    'What can be seen of a name: NFKC without invisible characters, single blanks between words.';

-- The letters of a name replaced by those they are taken for, as UTS #39 (Unicode Technical Standard, version 17)
-- does it with its confusables.txt, of which compatibility characters are left out: NFKD has replaced them. First
-- the letters that pass for one other, then those that pass for several.
CREATE FUNCTION ledger_skeleton(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
RETURN (
    SELECT string_agg(coalesce('{
        "\"":"''''","%":"o/O","m":"rn","¢":"c\u0338","¥":"Y\u0335","Æ":"AE","Ð":"D\u0335","Ø":"O\u0338","æ":"ae",
        "ð":"∂\u0335","ø":"o\u0338","Đ":"D\u0335","đ":"d\u0335","Ħ":"H\u0335","ħ":"h\u0335","Ł":"L\u0338","ł":"l\u0338",
        "ŋ":"n\u0329","Œ":"OE","œ":"oe","Ŧ":"T\u0335","ŧ":"t\u0335","ƀ":"b\u0335","Ɓ":"''B","Ƃ":"b\u0304","ƃ":"b\u0304",
        "Ƈ":"C''","Ɖ":"D\u0335","Ɗ":"''D","ƌ":"d\u0304","Ƒ":"F\u0326","Ɠ":"G''","Ɨ":"l\u0335","Ƙ":"K''","ƙ":"k\u0314",
        "ƚ":"l\u0335","ƛ":"λ\u0338","Ɲ":"N\u0326","ƞ":"n\u0329","Ɵ":"O\u0335","Ƥ":"''P","ƥ":"p\u0314","Ƭ":"''T",
        "ƭ":"t\u0314","Ʈ":"T\u0328","Ƴ":"''Y","ƴ":"y\u0314","Ƶ":"Z\u0335","ƶ":"z\u0335","ƻ":"2\u0335","ǁ":"ll",
        "Ǥ":"G\u0335","ǥ":"g\u0335","Ȥ":"Z\u0326","ȥ":"z\u0326","ȼ":"c\u0338","Ⱦ":"T\u0338","Ʉ":"U\u0335","Ɇ":"E\u0338",
        "ɇ":"e\u0338","Ɉ":"J\u0335","ɉ":"j\u0335","ɍ":"r\u0335","Ɏ":"Y\u0335","ɏ":"y\u0335","ɓ":"b\u0314","ɖ":"d\u0328",
        "ɗ":"d\u0314","ɚ":"ǝ˞","ɠ":"g\u0314","ɦ":"h\u0314","ɨ":"i\u0335","ɫ":"l\u0334","ɭ":"l\u0328","ɮ":"lȝ",
        "ɱ":"rn\u0326","ɳ":"n\u0328","ɵ":"o\u0335","ɶ":"oᴇ","ɼ":"r\u0329","ɽ":"r\u0328","ʂ":"s\u0328","ʐ":"z\u0328",
        "ʠ":"q\u0314","ʣ":"dz","ʤ":"dȝ","ʥ":"dʑ","ʦ":"ts","ʧ":"tʃ","ʨ":"tɕ","ʩ":"fn\u0329","ʪ":"ls","ʫ":"lz","ʺ":"''''",
        "ˮ":"''''","˶":"''''","\u0310":"\u0306\u0307","Θ":"O\u0335","η":"n\u0329","θ":"O\u0335","Б":"b\u0304","Ы":"bl",
        "Ю":"lO","ъ":"ˉb","ы":"ƅi","ћ":"h\u0335","џ":"u\u0329","Ѣ":"b\u0335","ѣ":"b\u0335","Ѳ":"O\u0335","ѳ":"o\u0335",
        "Ѽ":"Ѡ\u0486\u0487","ѽ":"w\u0486\u0487","Ҋ":"И\u0326\u0300","ҋ":"ᴎ\u0326\u0306","Ҍ":"b\u0335","ҍ":"b\u0335",
        "Ґ":"Γ''","ґ":"r''","Ғ":"Γ\u0335","ғ":"r\u0335","Җ":"Ж\u0329","җ":"ж\u0329","Ҙ":"3\u0326","ҙ":"ɜ\u0326",
        "Қ":"K\u0329","қ":"ĸ\u0329","Ҟ":"K\u0335","ҟ":"ĸ\u0335","Ң":"H\u0329","ң":"ʜ\u0329","Ҫ":"C\u0326","ҫ":"c\u0326",
        "Ҭ":"T\u0329","ҭ":"ᴛ\u0329","Ұ":"Y\u0335","ұ":"y\u0335","Ҳ":"X\u0329","Ҿ":"Ҽ\u0328","ҿ":"e\u0328","Ӆ":"Ʌ\u0326",
        "ӆ":"л\u0326","Ӈ":"H\u0326","ӈ":"ʜ\u0326","Ӊ":"H\u0326","ӊ":"ʜ\u0326","Ӎ":"M\u0326","ӎ":"ʍ\u0326","Ӕ":"AE","ӕ":"ae",
        "Ө":"O\u0335","ө":"o\u0335","ղ":"n\u0329","\u05f0":"ll","\u05f1":"l''","\u05f2":"''''","\u05f4":"''''","؉":"o/OO",
        "؊":"o/OOO","\u062b":"\u0649\u06db","\u0634":"\u0633\u06db","\u063d":"\u0649\u0302","\u063f":"\u0649\u06db",
        "٪":"o/O","\u0672":"l\u0674","\u0673":"l\u0655","\u0679":"\u0649\u0615","\u067e":"\u0649\u06db",
        "\u0681":"\u062d\u0654","\u0685":"\u062d\u06db","\u0688":"\u062f\u0615","\u068b":"\u068a\u0615",
        "\u068e":"\u062f\u06db","\u068f":"\u062f\u06db","\u0691":"\u0631\u0615","\u0692":"\u0631\u0306",
        "\u0698":"\u0631\u06db","\u069e":"\u0635\u06db","\u069f":"\u0637\u06db","\u06a4":"\u06a1\u06db",
        "\u06a8":"\u06a1\u06db","\u06ad":"\u0643\u06db","\u06b4":"\u06af\u06db","\u06b5":"\u0644\u0306",
        "\u06b7":"\u0644\u06db","\u06bb":"\u0649\u0615","\u06bd":"\u0649\u06db","\u06c6":"\u0648\u0306",
        "\u06c7":"\u0648\u0313","\u06c8":"\u0648\u0670","\u06c9":"\u0648\u0302","\u06cb":"\u0648\u06db",
        "\u06ce":"\u0649\u0306","\u06d1":"\u0649\u06db","\u06e8":"\u0306\u0307","\u06ee":"\u062f\u0302",
        "\u06ef":"\u0631\u0302","\u06fd":"\u0621\ud803\udefa","\u06fe":"\u0645\ud803\udefa","\u06ff":"o\u0302",
        "\u0751":"\u0628\u06db","\u0752":"\u0649\u06db","\u0756":"\u0649\u0306","\u0763":"\u0643\u06db",
        "\u0768":"\u0646\u0615","\u0769":"\u0646\u0306","\u076c":"\u0631\u0654","\u0771":"\u0697\u0615",
        "\u0772":"\u062d\u0654","\u077e":"\u0633\u0302","\u08a1":"\u0628\u0654","\u08a4":"\u06a2\u06db",
        "\u08a7":"\u0645\u06db","\u08a8":"\u0649\u0654","\u08ae":"\u062f\u0324\u0323","\u08af":"\u0635\u0324\u0323",
        "\u08b2":"\u0632\u0302","\u08b6":"\u0628\u06e2","\u08b7":"\u0649\u06db\u06e2","\u08b9":"\u0631\u0306\u0307",
        "\u08ba":"\u0649\u0306\u0307","\u08be":"\u0649\u06db\u0306","\u08bf":"\u062a\u0306","\u08c0":"\u0649\u0615\u0306",
        "\u08c1":"\u0686\u0306","\u08c2":"\u0643\u0306","\u0901":"\u0306\u0307","ऄ":"अ\u0946","आ":"अ\u093e","ई":"र\u094dइ",
        "ऍ":"ए\u0306","ऎ":"ए\u0946","ऐ":"ए\ud806\udf64","ऑ":"अ\u093e\u0306","ऒ":"अ\u093e\u0946","ओ":"अ\u093e\ud806\udf64",
        "औ":"अ\u093e\u0948","\u093b":"\u093e\u093a","\u0949":"\u093e\u0306","॥":"।।","ॲ":"अ\u0306","ॳ":"अ\u093a",
        "ॴ":"अ\u093e\u093a","ॵ":"अ\u094f","\u0981":"\u0306\u0307","আ":"অ\u09be","ৠ":"ঋ\u09c3","ৡ":"ঋ\u09c3","ਆ":"ਅ\u0a3e",
        "ਇ":"प\u094dट\u09bf","ਈ":"प\u094dट\u0a40","ਉ":"ੳ\ud806\udf62","ਊ":"ੳ\ud806\udf63","ਏ":"प\u094dट\ud806\udf64",
        "ਐ":"ਅ\u0948","ਔ":"ਅ\u0a4c","ਜ":"त\u094dत","ੲ":"प\u094dट","\u0a81":"\u0306\u0307","આ":"અ\u0abe","ઍ":"અ\u0ac5",
        "એ":"અ\u0ac7","ઐ":"અ\u0ac8","ઑ":"અ\u0abe\u0ac5","ઓ":"અ\u0abe\u0ac7","ઔ":"અ\u0abe\u0ac8","\u0b01":"\u0306\u0307",
        "ଆ":"ଅ\u0b3e","ஊ":"உள","௫":"ஈ\u0bc1","௬":"ச\u0bc1","௲":"ச\u0bc2","௴":"ம\u0bc0","௷":"எவ","௺":"ந\u0bc0",
        "\u0c00":"\u0306\u0307","ఓ":"ఒ\u0c55","ఔ":"ఒ\u0c4c","ఖ":"ಖ\u0323","ఠ":"ర\u05bc","ఢ":"డ\u0323","థ":"ధ\u05bc",
        "భ":"బ\u0323","మ":"వ\u0c41","ష":"వ\u0323","హ":"వ\u0c3e","\u0c42":"\u0c41\u0c3e","\u0c44":"\u0c43\u0c3e",
        "ౠ":"ఋ\u0c3e","ౡ":"ఌ\u0c3e","\u0c81":"\u0306\u0307","ಓ":"ఒ\u0c55","ಔ":"ఒ\u0c4c","ೡ":"ಌ\u0cbe",
        "\u0d01":"\u0306\u0307","ഈ":"ഇ\u0d57","ഊ":"உ\u0d57","ഌ":"ന\u0d41","ഐ":"\u0bc6എ","ഓ":"ഒ\u0d3e","ഔ":"ഒ\u0d57",
        "ങ":"ന\u0d41","ഺ":"ட\u0bbf","\u0d48":"\u0bc6\u0bc6","൚":"ന\u0d4dമ","ൟ":"oരo","൪":"ര\u0d4d","൫":"ദ\u0d4dര",
        "൬":"ന\u0d4dന","൮":"വ\u0d4dര","൯":"ന\u0d4d","൶":"ഹ\u0d4dമ","൹":"ന\u0d41","ൺ":"ண\u0d4d","ൻ":"ന\u0d4d","ർ":"ര\u0d4d",
        "ൽ":"ല\u0d4d","ൾ":"ള\u0d4d","ඍ":"ස\u0dd8","ඒ":"එ\u0dca","ඓ":"එ\u0dd9","෩":"෨\u0dcf","෯":"෨\u0dd3","แ":"เเ",
        "ༀ":"ཨ\u0f7c\u0f7e","༂":"འ\u0f74\u0f82\u0f7f","༃":"འ\u0f74\u0f82༔","༎":"།།","༛":"༚༚","༞":"༝༝","༟":"༚༝",
        "\u0f7b":"\u0f7a\u0f7a","\u0f7d":"\u0f7c\u0f7c","࿎":"༝༚","က":"ര\u102c","တ":"o\u102c","ဟ":"ပ\u102c",
        "ဣ":"ര\u102c\u1039ര\u102c","ဩ":"သ\u103c","ဪ":"သ\u103c\u0b47\u102c\u103a","။":"၊၊","ၡ":"ရ\u103e","ၦ":"ပ\u103e",
        "ၯ":"ပ\u102c\u103e","ၰ":"ဃ\u103e","ၾ":"ၽ\u103e","ႁ":"ര\u103e","႞":"\u1083\u030a","თ":"o\u102c","ᄁ":"ᄀᄀ","ᄄ":"ᄃᄃ",
        "ᄈ":"ᄇᄇ","ᄊ":"ᄉᄉ","ᄍ":"ᄌᄌ","ᄓ":"ᄂᄀ","ᄔ":"ᄂᄂ","ᄕ":"ᄂᄃ","ᄖ":"ᄂᄇ","ᄗ":"ᄃᄀ","ᄘ":"ᄅᄂ","ᄙ":"ᄅᄅ","ᄚ":"ᄅᄒ","ᄛ":"ᄅᄋ",
        "ᄜ":"ᄆᄇ","ᄝ":"ᄆᄋ","ᄞ":"ᄇᄀ","ᄟ":"ᄇᄂ","ᄠ":"ᄇᄃ","ᄡ":"ᄇᄉ","ᄢ":"ᄇᄉᄀ","ᄣ":"ᄇᄉᄃ","ᄤ":"ᄇᄉᄇ","ᄥ":"ᄇᄉᄉ","ᄦ":"ᄇᄉᄌ","ᄧ":"ᄇᄌ",
        "ᄨ":"ᄇᄎ","ᄩ":"ᄇᄐ","ᄪ":"ᄇᄑ","ᄫ":"ᄇᄋ","ᄬ":"ᄇᄇᄋ","ᄭ":"ᄉᄀ","ᄮ":"ᄉᄂ","ᄯ":"ᄉᄃ","ᄰ":"ᄉᄅ","ᄱ":"ᄉᄆ","ᄲ":"ᄉᄇ","ᄳ":"ᄉᄇᄀ",
        "ᄴ":"ᄉᄉᄉ","ᄵ":"ᄉᄋ","ᄶ":"ᄉᄌ","ᄷ":"ᄉᄎ","ᄸ":"ᄉᄏ","ᄹ":"ᄉᄐ","ᄺ":"ᄉᄑ","ᄻ":"ᄅᄒ","ᄽ":"ᄼᄼ","ᄿ":"ᄾᄾ","ᅁ":"ᄋᄀ","ᅂ":"ᄋᄃ",
        "ᅃ":"ᄋᄆ","ᅄ":"ᄋᄇ","ᅅ":"ᄋᄉ","ᅆ":"ᄋᅀ","ᅇ":"ᄋᄋ","ᅈ":"ᄋᄌ","ᅉ":"ᄋᄎ","ᅊ":"ᄋᄐ","ᅋ":"ᄋᄑ","ᅍ":"ᄌᄋ","ᅏ":"ᅎᅎ","ᅑ":"ᅐᅐ",
        "ᅒ":"ᄎᄏ","ᅓ":"ᄎᄒ","ᅖ":"ᄑᄇ","ᅗ":"ᄑᄋ","ᅘ":"ᄒᄒ","ᅚ":"ᄀᄃ","ᅛ":"ᄂᄉ","ᅜ":"ᄂᄌ","ᅝ":"ᄂᄒ","ᅞ":"ᄃᄅ","ᅢ":"ᅡ丨","ᅤ":"ᅣ丨",
        "ᅦ":"ᅥ丨","ᅨ":"ᅧ丨","ᅪ":"ᅩᅡ","ᅫ":"ᅩᅡ丨","ᅬ":"ᅩ丨","ᅯ":"ᅮᅥ","ᅰ":"ᅮᅥ丨","ᅱ":"ᅮ丨","ᅴ":"ー丨","ᅶ":"ᅡᅩ","ᅷ":"ᅡᅮ","ᅸ":"ᅣᅩ",
        "ᅹ":"ᅣᅭ","ᅺ":"ᅥᅩ","ᅻ":"ᅥᅮ","ᅼ":"ᅥー","ᅽ":"ᅧᅩ","ᅾ":"ᅧᅮ","ᅿ":"ᅩᅥ","ᆀ":"ᅩᅥ丨","ᆁ":"ᅩᅧ丨","ᆂ":"ᅩᅩ","ᆃ":"ᅩᅮ","ᆄ":"ᅭᅣ",
        "ᆅ":"ᅭᅣ丨","ᆆ":"ᅭᅣ","ᆇ":"ᅭᅩ","ᆈ":"ᅭ丨","ᆉ":"ᅮᅡ","ᆊ":"ᅮᅡ丨","ᆋ":"ᅮᅥー","ᆌ":"ᅮᅧ丨","ᆍ":"ᅮᅮ","ᆎ":"ᅲᅡ","ᆏ":"ᅲᅥ","ᆐ":"ᅲᅥ丨",
        "ᆑ":"ᅲᅧ","ᆒ":"ᅲᅧ丨","ᆓ":"ᅲᅮ","ᆔ":"ᅲ丨","ᆕ":"ーᅮ","ᆖ":"ーー","ᆗ":"ー丨ᅮ","ᆘ":"丨ᅡ","ᆙ":"丨ᅣ","ᆚ":"丨ᅩ","ᆛ":"丨ᅮ","ᆜ":"丨ー",
        "ᆝ":"丨ᆞ","ᆟ":"ᆞᅥ","ᆠ":"ᆞᅮ","ᆡ":"ᆞ丨","ᆢ":"ᆞᆞ","ᆣ":"ᅡー","ᆤ":"ᅣᅮ","ᆥ":"ᅧᅣ","ᆦ":"ᅩᅣ","ᆧ":"ᅩᅣ丨","ᆩ":"ᄀᄀ","ᆪ":"ᄀᄉ",
        "ᆬ":"ᄂᄌ","ᆭ":"ᄂᄒ","ᆰ":"ᄅᄀ","ᆱ":"ᄅᄆ","ᆲ":"ᄅᄇ","ᆳ":"ᄅᄉ","ᆴ":"ᄅᄐ","ᆵ":"ᄅᄑ","ᆶ":"ᄅᄒ","ᆹ":"ᄇᄉ","ᆻ":"ᄉᄉ","ᇃ":"ᄀᄅ",
        "ᇄ":"ᄀᄉᄀ","ᇅ":"ᄂᄀ","ᇆ":"ᄂᄃ","ᇇ":"ᄂᄉ","ᇈ":"ᄂᅀ","ᇉ":"ᄂᄐ","ᇊ":"ᄃᄀ","ᇋ":"ᄃᄅ","ᇌ":"ᄅᄀᄉ","ᇍ":"ᄅᄂ","ᇎ":"ᄅᄃ","ᇏ":"ᄅᄃᄒ",
        "ᇐ":"ᄅᄅ","ᇑ":"ᄅᄆᄀ","ᇒ":"ᄅᄆᄉ","ᇓ":"ᄅᄇᄉ","ᇔ":"ᄅᄇᄒ","ᇕ":"ᄅᄇᄋ","ᇖ":"ᄅᄉᄉ","ᇗ":"ᄅᅀ","ᇘ":"ᄅᄏ","ᇙ":"ᄅᅙ","ᇚ":"ᄆᄀ","ᇛ":"ᄆᄅ",
        "ᇜ":"ᄆᄇ","ᇝ":"ᄆᄉ","ᇞ":"ᄆᄉᄉ","ᇟ":"ᄆᅀ","ᇠ":"ᄆᄎ","ᇡ":"ᄆᄒ","ᇢ":"ᄆᄋ","ᇣ":"ᄇᄅ","ᇤ":"ᄇᄑ","ᇥ":"ᄇᄒ","ᇦ":"ᄇᄋ","ᇧ":"ᄉᄀ",
        "ᇨ":"ᄉᄃ","ᇩ":"ᄉᄅ","ᇪ":"ᄉᄇ","ᇬ":"ᄋᄀ","ᇭ":"ᄋᄀᄀ","ᇮ":"ᄋᄋ","ᇯ":"ᄋᄏ","ᇱ":"ᄋᄉ","ᇲ":"ᄋᅀ","ᇳ":"ᄑᄇ","ᇴ":"ᄑᄋ","ᇵ":"ᄒᄂ",
        "ᇶ":"ᄒᄅ","ᇷ":"ᄒᄆ","ᇸ":"ᄒᄇ","ᇺ":"ᄀᄂ","ᇻ":"ᄀᄇ","ᇼ":"ᄀᄎ","ᇽ":"ᄀᄏ","ᇾ":"ᄀᄒ","ᇿ":"ᄂᄂ","Ꭴ":"O''","Ꮎ":"O\u0335",
        "Ꮜ":"U\u0335","Ꮻ":"O\u0335","Ᏺ":"h\u0314","ᐌ":"·ᐁ","ᐍ":"ᐁ·","ᐎ":"·Δ","ᐏ":"Δ·","ᐐ":"·ᐄ","ᐑ":"ᐄ·","ᐒ":"·ᐅ","ᐓ":"ᐅ·",
        "ᐔ":"·ᐆ","ᐕ":"ᐆ·","ᐗ":"·ᐊ","ᐘ":"ᐊ·","ᐙ":"·ᐋ","ᐚ":"ᐋ·","ᐫ":"ᐁᐠ","ᐬ":"Δᐠ","ᐭ":"ᐅᐠ","ᐮ":"ᐊᐠ","ᐷ":"·>","ᐺ":"·V",
        "ᐻ":"V·","ᐼ":"·Ʌ","ᐽ":"Ʌ·","ᐾ":"·ᐲ","ᐿ":"ᐲ·","ᑀ":"·>","ᑁ":">·","ᑂ":"·ᐴ","ᑃ":"ᐴ·","ᑄ":"·<","ᑅ":"<·","ᑆ":"·ᐹ",
        "ᑇ":"ᐹ·","ᑔ":"·ᑐ","ᑗ":"·U","ᑘ":"U·","ᑙ":"·Ո","ᑚ":"Ո·","ᑛ":"·ᑏ","ᑜ":"ᑏ·","ᑝ":"·ᑐ","ᑞ":"ᑐ·","ᑟ":"·ᑑ","ᑠ":"ᑑ·",
        "ᑡ":"·ᑕ","ᑢ":"ᑕ·","ᑣ":"·ᑖ","ᑤ":"ᑖ·","ᑧ":"U''","ᑨ":"Ո''","ᑩ":"ᑐ''","ᑪ":"ᑕ''","ᑳ":"b\u0307","ᑴ":"·ᑫ","ᑵ":"ᑫ·",
        "ᑶ":"·P","ᑷ":"p·","ᑸ":"·ᑮ","ᑹ":"ᑮ·","ᑺ":"·d","ᑻ":"d·","ᑼ":"·ᑰ","ᑽ":"ᑰ·","ᑾ":"·b","ᑿ":"b·","ᒀ":"·b\u0307",
        "ᒁ":"b\u0307·","ᒅ":"ᑫ''","ᒆ":"P''","ᒇ":"d''","ᒈ":"b''","ᒒ":"·ᒉ","ᒓ":"ᒉ·","ᒔ":"·ᒋ","ᒕ":"ᒋ·","ᒖ":"·ᒌ","ᒗ":"ᒌ·",
        "ᒘ":"·J","ᒙ":"J·","ᒚ":"·ᒎ","ᒛ":"ᒎ·","ᒜ":"·ᒐ","ᒝ":"ᒐ·","ᒞ":"·ᒑ","ᒟ":"ᒑ·","ᒬ":"·ᒣ","ᒭ":"ᒣ·","ᒮ":"·Γ","ᒯ":"Γ·",
        "ᒰ":"·ᒦ","ᒱ":"ᒦ·","ᒲ":"·ᒧ","ᒳ":"ᒧ·","ᒴ":"·ᒨ","ᒵ":"ᒨ·","ᒶ":"·L","ᒷ":"l·","ᒸ":"·ᒫ","ᒹ":"ᒫ·","ᓉ":"·ᓀ","ᓊ":"ᓀ·",
        "ᓋ":"·ᓇ","ᓌ":"ᓇ·","ᓍ":"·ᓈ","ᓎ":"ᓈ·","ᓜ":"·ᓓ","ᓝ":"ᓓ·","ᓞ":"·ᓕ","ᓟ":"ᓕ·","ᓠ":"·ᓖ","ᓡ":"ᓖ·","ᓢ":"·ᓗ","ᓣ":"ᓗ·",
        "ᓤ":"·ᓘ","ᓥ":"ᓘ·","ᓦ":"·ᓚ","ᓧ":"ᓚ·","ᓨ":"·ᓛ","ᓩ":"ᓛ·","ᓶ":"·ᓭ","ᓷ":"ᓭ·","ᓸ":"·ᓯ","ᓹ":"ᓯ·","ᓺ":"·ᓰ","ᓻ":"ᓰ·",
        "ᓼ":"·ᓱ","ᓽ":"ᓱ·","ᓾ":"·ᓲ","ᓿ":"ᓲ·","ᔀ":"·ᓴ","ᔁ":"ᓴ·","ᔂ":"·ᓵ","ᔃ":"ᓵ·","ᔌ":"ᔋ<","ᔍ":"ᔋᑕ","ᔎ":"ᔋb","ᔏ":"ᔋᒐ",
        "ᔗ":"·ᔐ","ᔘ":"ᔐ·","ᔙ":"·ᔑ","ᔚ":"ᔑ·","ᔛ":"·ᔒ","ᔜ":"ᔒ·","ᔝ":"·ᔓ","ᔞ":"ᔓ·","ᔟ":"·ᔔ","ᔠ":"ᔔ·","ᔡ":"·ᔕ","ᔢ":"ᔕ·",
        "ᔣ":"·ᔖ","ᔤ":"ᔖ·","ᔯ":"·4","ᔰ":"4·","ᔱ":"·ᔨ","ᔲ":"ᔨ·","ᔳ":"·ᔩ","ᔴ":"ᔩ·","ᔵ":"·ᔪ","ᔶ":"ᔪ·","ᔷ":"·ᔫ","ᔸ":"ᔫ·",
        "ᔹ":"·ᔭ","ᔺ":"ᔭ·","ᔻ":"·ᔮ","ᔼ":"ᔮ·","ᕎ":"·ᕌ","ᕏ":"ᕌ·","ᕛ":"·ᕚ","ᕜ":"ᕚ·","ᕨ":"·ᕧ","ᕩ":"ᕧ·","ᕾ":"ᕐᑬ","ᕿ":"ᕐP",
        "ᖀ":"ᕐᑮ","ᖁ":"ᕐd","ᖂ":"ᕐᑰ","ᖃ":"ᕐb","ᖄ":"ᕐb\u0307","ᖅ":"ᕐᒃ","ᖎ":"ᖕᒊ","ᖏ":"ᖕᒋ","ᖐ":"ᖕᒌ","ᖑ":"ᖕJ","ᖒ":"ᖕᒎ","ᖓ":"ᖕᒐ",
        "ᖔ":"ᖕᒑ","ᙯ":"ᕐᑫ","ᙰ":"ᖕᒉ","ᙱ":"ᖖᒋ","ᙲ":"ᖖᒌ","ᙳ":"ᖖJ","ᙴ":"ᖖᒎ","ᙵ":"ᖖᒐ","ᙶ":"ᖖᒑ","ᙷ":"ᖧ·","ᙸ":"ᖨ·","ᙹ":"ᖩ·",
        "ᙺ":"ᖪ·","ᙻ":"ᖫ·","ᙼ":"ᖬ·","ᙽ":"ᖭ·","ᢳ":"·ᢱ","ᢶ":"·ᢴ","ᢹ":"·ᢸ","ᣂ":"·ᣀ","ᣆ":"·ᓂ","ᣇ":"ᓂ·","ᣈ":"·ᓃ","ᣉ":"ᓃ·",
        "ᣊ":"·ᓄ","ᣋ":"ᓄ·","ᣌ":"·ᓅ","ᣍ":"ᓅ·","ᣎ":"·ᕃ","ᣏ":"·ᕆ","ᣐ":"·ᕇ","ᣑ":"·ᕈ","ᣒ":"·ᕉ","ᣓ":"·ᕋ","ᣜ":"ᣟᐞ","ᣝ":"ᐞᣟ",
        "ᣠ":"ᕃ·","ᣣ":"ᕞ·","ᣤ":"ᕦ·","ᣥ":"ᕫ·","ᣨ":"ᖆ·","ᣪ":"ᖗ·","ᣭ":"Ѡ·","ᣰ":"ᗴ·","ᣲ":"ᘛ·","᪩":"᪨᪨","᪫":"᪪᪨","᭟":"᭞᭞",
        "᰼":"᰻᰻","᱿":"᱾᱾","᳓":"''''","ᴔ":"ǝo","ᵫ":"ue","ᵮ":"f\u0334","ᵯ":"rn\u0334","ᵰ":"n\u0334","ᵲ":"r\u0334",
        "ᵳ":"ɾ\u0334","ᵴ":"s\u0334","ᵵ":"t\u0334","ᵶ":"z\u0334","ᵻ":"i\u0335","ᵼ":"i\u0335","ᵽ":"p\u0335","ᵾ":"u\u0335",
        "ᵿ":"ʊ\u0335","‖":"ll","“":"''''","”":"''''","‟":"''''","‰":"o/OO","‱":"o/OOO","⁒":"o/O","₡":"C\u20eb",
        "₥":"rn\u0338","₩":"W\u0335","₫":"d\u0335\u0331","₭":"K\u0335","₮":"T\u20eb","₶":"lt","∔":"+\u0307","∞":"oo",
        "∥":"ll","∸":"-\u0307","≐":"=\u0307","≑":"=\u0323\u0307","≗":"=\u030a","≙":"=\u0302","≚":"=\u0306","≞":"=\u036b",
        "≪":"<<","≫":">>","⊖":"O\u0335","⊝":"O\u0335","⋖":"<·","⋗":"·>","⋘":"<<<","⋙":">>>","⋯":"···","⍙":"Δ\u0332",
        "⍚":"ᛜ\u0332","⍜":"°\u0332","⍡":"T\u0308","⍢":"∇\u0308","⍣":"⋆\u0308","⍤":"°\u0308","⍨":"~\u0308","⍫":"∇\u0334",
        "⍬":"O\u0335","⍶":"a\u0332","⍷":"ꞓ\u0332","⍸":"i\u0332","⍹":"ω\u0332","⏨":"lO","⑊":"\\\\","♩":"𝅘\ud834\udd65",
        "♪":"𝅘\ud834\udd65\ud834\udd6e","⟈":"\\ᑕ","⟉":"ᑐ/","⥣":"ᛐᛚ","⥥":"⇃⇂","⥮":"ᛐ⇂","⥯":"⇃ᛚ","⧴":":→","⧶":"/\u0304",
        "⨠":">>","⨢":"+\u030a","⨣":"+\u0302","⨤":"+\u0303","⨥":"+\u0323","⨦":"+\u0330","⨧":"+2","⨩":"-\u0313","⨪":"-\u0323",
        "⨰":"x\u0307","⩪":"~\u0307","⩮":"=\u20f0","⪥":"><","⫗":"ᑐᑕ","⫻":"///","⫽":"//","Ⱨ":"H\u0329","Ⱪ":"K\u0329",
        "Ⲑ":"O\u0335","ⲑ":"o\u0335","Ⲳ":"-\u0307","ⲳ":"-\u0307","Ⲵ":"<·","ⲵ":"<·","⳹":"\\\\","ⴱ":"O\u0335","ⵁ":"O\u0338",
        "ⵈ":"···","⸚":"-\u0308","⸞":"~\u0307","⸟":"~\u0323","⸨":"((","⸩":"))","⻑":"ᄐーᄂᄌ","〃":"''''","丕":"조","丛":"ᄉᄉー",
        "今":"ᄉーᄀ","卟":"마","合":"ᄉーᄆ","爿":"누丨","長":"ᄐーᄂᄌ","ꓺ":"..","ꓻ":".,","꓾":"-.","Ꙑ":"Ъl","ꙑ":"ˉbi","ꚕ":"h\u0314",
        "Ꚙ":"OO","ꚙ":"oo","꛴":"꛳꛳","Ꜩ":"T3","ꜩ":"tȝ","Ꜳ":"AA","ꜳ":"aa","Ꜵ":"AO","ꜵ":"ao","Ꜷ":"AU","ꜷ":"au","Ꜹ":"AV",
        "ꜹ":"av","Ꜻ":"AV","ꜻ":"av","Ꜽ":"AY","ꜽ":"ay","Ꝁ":"K\u0335","Ꝋ":"O\u0335","ꝋ":"o\u0335","Ꝏ":"OO","ꝏ":"oo",
        "ꝡ":"w\u0326","ꝷ":"tf","ꥠ":"ᄃᄆ","ꥡ":"ᄃᄇ","ꥢ":"ᄃᄉ","ꥣ":"ᄃᄌ","ꥤ":"ᄅᄀ","ꥥ":"ᄅᄀᄀ","ꥦ":"ᄅᄃ","ꥧ":"ᄅᄃᄃ","ꥨ":"ᄅᄆ","ꥩ":"ᄅᄇ",
        "ꥪ":"ᄅᄇᄇ","ꥫ":"ᄅᄇᄋ","ꥬ":"ᄅᄉ","ꥭ":"ᄅᄌ","ꥮ":"ᄅᄏ","ꥯ":"ᄆᄀ","ꥰ":"ᄆᄃ","ꥱ":"ᄆᄉ","ꥲ":"ᄇᄉᄐ","ꥳ":"ᄇᄏ","ꥴ":"ᄇᄒ","ꥵ":"ᄉᄉᄇ",
        "ꥶ":"ᄋᄅ","ꥷ":"ᄋᄒ","ꥸ":"ᄌᄌᄒ","ꥹ":"ᄐᄐ","ꥺ":"ᄑᄒ","ꥻ":"ᄒᄉ","ꥼ":"ᅙᅙ","ꬾ":"o\u0338","ꬿ":"ɔ\u0338","ꭁ":"ǝo\u0338",
        "ꭂ":"ǝo\u0335","ꭢ":"ɔe","ꭣ":"uo","ꭴ":"o\u031b","ꮎ":"o\u0335","ꮜ":"u\u0335","ꮻ":"o\u0335","ힰ":"ᅩᅧ","ힱ":"ᅩᅩ丨",
        "ힲ":"ᅭᅡ","ힳ":"ᅭᅡ丨","ힴ":"ᅭᅥ","ힵ":"ᅮᅧ","ힶ":"ᅮ丨丨","ힷ":"ᅲᅡ丨","ힸ":"ᅲᅩ","ힹ":"ーᅡ","ힺ":"ーᅥ","ힻ":"ーᅥ丨","ힼ":"ーᅩ","ힽ":"丨ᅣᅩ",
        "ힾ":"丨ᅣ丨","ힿ":"丨ᅧ","ퟀ":"丨ᅧ丨","ퟁ":"丨ᅩ丨","ퟂ":"丨ᅭ","ퟃ":"丨ᅲ","ퟄ":"丨丨","ퟅ":"ᆞᅡ","ퟆ":"ᆞᅥ丨","ퟋ":"ᄂᄅ","ퟌ":"ᄂᄎ","ퟍ":"ᄃᄃ",
        "ퟎ":"ᄃᄃᄇ","ퟏ":"ᄃᄇ","ퟐ":"ᄃᄉ","ퟑ":"ᄃᄉᄀ","ퟒ":"ᄃᄌ","ퟓ":"ᄃᄎ","ퟔ":"ᄃᄐ","ퟕ":"ᄅᄀᄀ","ퟖ":"ᄅᄀᄒ","ퟗ":"ᄅᄅᄏ","ퟘ":"ᄅᄆᄒ","ퟙ":"ᄅᄇᄃ",
        "ퟚ":"ᄅᄇᄑ","ퟛ":"ᄅᅌ","ퟜ":"ᄅᅙᄒ","ퟝ":"ᄅᄋ","ퟞ":"ᄆᄂ","ퟟ":"ᄆᄂᄂ","ퟠ":"ᄆᄆ","ퟡ":"ᄆᄇᄉ","ퟢ":"ᄆᄌ","ퟣ":"ᄇᄃ","ퟤ":"ᄇᄅᄑ","ퟥ":"ᄇᄆ",
        "ퟦ":"ᄇᄇ","ퟧ":"ᄇᄉᄃ","ퟨ":"ᄇᄌ","ퟩ":"ᄇᄎ","ퟪ":"ᄉᄆ","ퟫ":"ᄉᄇᄋ","ퟬ":"ᄉᄉᄀ","ퟭ":"ᄉᄉᄃ","ퟮ":"ᄉᅀ","ퟯ":"ᄉᄌ","ퟰ":"ᄉᄎ","ퟱ":"ᄉᄐ",
        "ퟲ":"ᄅᄒ","ퟳ":"ᅀᄇ","ퟴ":"ᅀᄇᄋ","ퟵ":"ᅌᄆ","ퟶ":"ᅌᄒ","ퟷ":"ᄌᄇ","ퟸ":"ᄌᄇᄇ","ퟹ":"ᄌᄌ","ퟺ":"ᄑᄉ","ퟻ":"ᄑᄐ","𐆎":"N\u030a",
        "𐆖":"X\u0335","𐆗":"V\u0335","𐆘":"l\u0335l\u0335S\u0335","𐆙":"l\u0335l\u0335",
        "\ud802\ude57":"\ud802\ude56\ud802\ude56","𑐓":"𑐴\ud805\udc42𑐒","𑐙":"𑐴\ud805\udc42𑐘","𑐤":"𑐴\ud805\udc42𑐣",
        "𑐪":"𑐴\ud805\udc42𑐩","𑐭":"𑐴\ud805\udc42𑐬","𑐯":"𑐴\ud805\udc42𑐮","𑑌":"𑑋𑑋","\ud805\udcbf":"\u0306\u0307","𑓅":"w\u0307",
        "𑙂":"𑙁𑙁","𑜀":"rn","𑣣":"rn","𑫦":"𑫥𑫯","𑫧":"𑫥𑫰","𑫨":"𑫥𑫥","𑫩":"𑫥𑫥𑫯","𑫪":"𑫥𑫥𑫰","𑫬":"𑫫𑫯","𑫭":"𑫫𑫫","𑫮":"𑫫𑫫𑫯","𑫴":"𑫳𑫯",
        "𑫵":"𑫳𑫰","𑫶":"𑫳𑫳","𑫷":"𑫳𑫳𑫯","𑫸":"𑫳𑫳𑫰","𑱂":"𑱁𑱁","𝈚":"O\u0335","\ud83a\udccd":"∂\u0335","🄏":"$\u20e0",
        "🅭":"cc\u0009\u20dd","🅮":"C\u20e0","🜀":"QE","🜇":"AR","🜈":"V\u1de4","🜔":"O\u0335","🝜":"sss","🝫":"MB","🝬":"VB"
        }'::jsonb ->> u.letter, u.letter), '' ORDER BY u.place)
    FROM unnest(string_to_array(translate(
        normalize(ledger_visible(name), NFKD),
        E'01I`|×þıƄƍƒƖƦƧƷƼƽƿǀǃȜȢȣɁɑəɛɡɣɩɪɯʋʏʒʔʕʹʻʼʽʾʿ˂˃˄ˆˈˊˋː˓˗˴˸˻\u0305\u030c\u030d\u0311\u0315\u0317\u031a\u0320'
        '\u0321\u0322\u0327\u0336\u0337\u0339\u0342\u0345\u0347\u0348\u0357\u0358\u0366\u036eͰ͵ͶͷͻͽͿΑΒΕΖΗΙΚΛΜΝΟΡΣΤΥΧα'
        'βγδεικνορστυφϛϜϤϥϨϩϬϭϳϷϸϺϽϿЄЅІЈАВГЕЗКЛМНОПРСТУФХЬабвгезикмнопрстуфхшьяєѕіјѡѰѱѴѵҮүһҽӀӋӌӏӘәӠӡԁԊԌԍԐԑԛԜԝԻՄՊՌՍՏՓՕ'
        '՚՝ագզծհյոպռսցւքօ։\u059c\u059d\u05a4\u05a8\u05ad\u05ae\u05af\u05b4\u05b9\u05ba\u05c0\u05c1\u05c2\u05c3\u05c4'
        '\u05c5\u05d5\u05d8\u05d9\u05df\u05e1\u05f3\u060d؏\u0618\u0619\u061a\u0627\u0647\u064a\u064b\u064e\u064f'
        '\u0652\u0653\u0656\u0657\u0658\u0659\u065a\u065b\u065c\u065d\u065f\u0660\u0661\u0665\u0667\u0668\u066b\u066c'
        '\u066d\u066e\u066f\u067a\u06a7\u06a9\u06aa\u06ba\u06be\u06c1\u06c3\u06cc\u06d0\u06d2\u06d4\u06d5\u06df\u06ec'
        '۰۱۲۳۴۵۶۷۸۹\u0701\u0702\u0703\u0704\u0740\u0741\u0742\u0747\u0762\u0767\u07c0\u07ca\u07eb\u07ed\u07ee\u07f3'
        '\u07f4\u07f5\u07fa\u08a9\u08b0\u08b1\u08bb\u08bc\u08bd\u08e5\u08e8\u08ea\u08eb\u08ed\u08ee\u08f0\u08f1\u08f2'
        '\u08f3\u08f8\u08f9\u08fa\u08ff\u0900\u0902\u0903\u093c\u093f\u0945\u0947\u0952\u0953\u0954\u0956\u0957०१३ॽ'
        '\u09bc০৪৭ৰ\u0a02\u0a03ਕਟਠਤਧਫਮਵਸ\u0a3c\u0a3f\u0a41\u0a42\u0a47\u0a48\u0a4b\u0a4d੦੧੪\u0a82\u0a83પર\u0abcઽ'
        '\u0ac1\u0ac2\u0acd૦૨૩૪૫૮૰\u0b03ଠ\u0b3c୦୨\u0b82ஜரஸ\u0bbe\u0bc8\u0bcd\u0bd7௦௧௨௪௭௮௰௵௸\u0c02\u0c03౦\u0c82\u0c83ಅ'
        'ಆಇಐಒಗಜಝಞಟಣದನಯರಱಲಳ\u0cbf\u0cc1\u0cc3೦೧೨೯\u0d02\u0d03ഉഖജടഠണഥറഴശ\u0d3f\u0d40\u0d42\u0d43\u0d46\u0d47ൎൡ൦൭\u0d82'
        '\u0d83ඵබඹවහ෪෫ฃซฏดตทมฦๅ\u0e4d๐ຈຍບປຝພຟ\u0eb8\u0eb9\u0ec8\u0ec9\u0eca\u0ecb\u0ecd໐\u0f37ཪ࿕࿖ဂငဝ\u1031\u1036'
        '\u1038၀ၚၥႠიყჳჿᅳᅵᆨᆫᆮᆯᆷᆸᆺᆼᆽᆾᆿᇀᇁᇂᇫᇰᇹሀሣቀበኔዐᎠᎡᎢᎥᎨᎩᎪᎫᎬᎮᎰᎱᎳᎷᎻᎽᎿᏀᏂᏃᏇᏋᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏮᏰᏳᏴᏻᏼ᐀ᐃᐧᐯᐱᐳᐸᑊᑌᑎᑭᑯᑲᒍᒥᒪᒿᓑᕀᕁᕷᕼᕽᖇᖯᖴᖵᖷᗄ'
        'ᗅᗞᗪᗯᗰᗷᘂᘃᘄᘇᘢᘣᘤᘮᘯᘴᘵ᙭᙮ᚲᚷᛁᛂᛌᛕᛖᛘᛡ᛫᛬᛭ᛰ\u1734᜵តឣ\u17b7\u17b8\u17b9\u17ba\u17c6\u17cb\u17d3។៕៙៚០᠃᠉ᡕᢖᣛ᧐᧑᪀᪐\u1ab4'
        '\u1ab7᭒᭓᭘᭜\u1cd0\u1cd2\u1cd5\u1cd8\u1cd9\u1cda\u1cdc\u1cdd\u1cde\u1cedᴄᴈᴋᴍᴏᴐᴑᴜᴠᴡᴢᴤᴦᴧᴨᴩᴫᶃᶌᶐ\u1de8\u1deeẝẞỿ‐‒–'
        '—―‘’‚‛•‧′‵‹›⁁⁃⁄⁎⁓⁚⁝⁞₤€₽\u20db℈℧℩℮⅁⅂⅃Ↄↄ↑↕↵↺↾↿⇄⇌∀∃∆∏∑−∕∖∗∘∙∣∨∩∪∫∶∼≣⊂⊃⊕⊙⊤⊥⋀⋁⋂⋃⋄⋅⋈⋮⋴⋿⌀⌥⍁⍟⍥⍩⍳⍴⍵⍺⍿⎜⎟⎢⎥⎪⎮⏁⏂⏃⏆⏼⏽⏾─━┃'
        '┏┣╪╱╳█▐▔▗▝■▱△▷▸►▽◁◇◊○◎◠◦☉☐☥☰☸♎♗♝♢⚬❨❩❮❯❲❳❴❵➕➖➗⟂⟋⟍⟙⟨⟩⣿⤫⤬⦙⦰⦵⦾⧄⧅⧇⧖⧙⧵⧸⧹⨀⨁⨂⨃⨄⨅⨆⨝⨡⨯⨽⨾⨿⪪⪫⯬⯭⯮⯯ⲂⲃⲄⲅⲆⲈⲉⲋⲌⲍⲎⲏⲒⲓⲔⲕⲖⲗⲘⲙⲚⲛⲜ'
        'ⲝⲞⲟⲠⲡⲢⲣⲤⲥⲦⲧⲨⲩⲪⲫⲬⲭⲮⲯⲰⲱⲶⲷⲺⲻⲼⲽⳀⳁⳄⳅⳆⳇⳊⳋⳌⳍⳎⳏⳐⳑⳒⳓⳜⳝⳠⳡⳤ⳨⳩ⴷⴸⴹⴺⵉⵏⵑⵔⵕⵙⵝⵠⵣ\u2de8\u2dea\u2ded\u2dee\u2def\u2df6\u2df7⸦⸧⸪'
        '⸫⸬⸮⸰⸱⸲⸵⸹⸽⸿⹀⺂⺃⺅⺉⺋⺎⺏⺐⺒⺓⺔⺖⺗⺘⺙⺛⺞⺠⺡⺢⺣⺤⺦⺨⺫⺭⺯⺱⺲⺹⺺⺾⺿⻀⻁⻂⻃⻄⻅⻈⻉⻋⻌⻍⻏⻐⻒⻓⻔⻖⻘⻙⻚⻛⻜⻝⻟⻠⻢⻤⻥⻨⻩⻫⻬⻭⻮⻯⻰⻲。〇〈〉〒〔〕〚〛\u302c\u302d〳く'
        '\u309a゠イエカタトニノハヘロ・ㄦ㇐㇑㇓㇔㇖㇚㇛㇟㇠㦳䎛䐠䚕一丶丿于倂值兒啟囗填士壿嬀帲幐愸戸搉晣晩曶朦柿槩樧潙硏絶肦胊胐胶脁脧腁膧蔿虁訞詽讏豣趆跺躛輧郞鎮隸鹃黒鿃꒔꒜꒞꒧꒨꒬꒰꒺꒾꒿꓀꓂ꓐꓑꓒꓓꓔꓖꓗꓙꓚꓛꓜꓝ'
        'ꓞꓟꓠꓡꓢꓣꓥꓦꓧꓪꓫꓬꓭꓮꓯꓰꓱꓲꓳꓴꓵꓷꓸꓹꓽ꓿꘎ꙄꙅꙇꙍꙨ\ua66f\ua67c꙾Ꚛꚡꚰꚱꛍꛎꛛꛟꛫꛯ\ua6f0\ua6f1꜔꜖ꜱꝚꝪꝫꝮꝸꝺ꞉ꞌꞏꞕꞘꞙꞚꞛꞝꞞꞟꞫꞱꞲꞳꞴꞵꞶꞷꟖꟷ꠰ꦒꦣ꧆ꧏ꩓꩖ꬲꬵꬽꭇ'
        'ꭈꭍꭎꭒꭓꭕꭚꭠꭰꭱꭲꭵꭺꭻꭼꭾꮀꮁꮃꮇꮋꮐꮓꮛꮟꮢꮩꮪꮮꮯꮲꮶ﴾﴿𐄁𐆠𐊂𐊅𐊆𐊇𐊊𐊍𐊐𐊒𐊔𐊕𐊖𐊗𐊛𐊠𐊡𐊢𐊣𐊥𐊫𐊭𐊰𐊱𐊲𐊳𐊴𐊵𐊶𐊸𐋏𐋡𐋤𐋨𐋲𐋵𐌁𐌂𐌉𐌑𐌒𐌕𐌗𐌚𐌟𐌠𐌢𐏑𐏓𐐁𐐄𐐑𐐕𐐛𐐟𐐠𐐣𐐥𐐩𐐪𐐬𐐽𐐿𐑂𐑃𐑈𐑋𐑍𐒠𐒰𐒴𐒼𐓂𐓃'
        '𐓄𐓍𐓎𐓐𐓑𐓒𐓘𐓛𐓪𐓫𐓶𐓹𐔓𐔖𐔘𐔜𐔝𐔥𐔦𐔧\U00010a3a\U00010a50\U00010cfa\U00010cfc𑂻𑇇\U000111ca\U000111cb𑇛𑇜𑇞\U00011300𑒒𑒔𑒖𑒘𑒙𑒛𑒝𑒞𑒟𑒠𑒡𑒢𑒣'
        '𑒧𑒨𑒩𑒪𑒫𑒭𑒮\U000114b0\U000114b1\U000114b9\U000114bd\U000114c1\U000114c2\U000114c3𑓄𑓐𑓑𑓒𑓖𑗘𑗙𑗚𑗛\U000115dc\U000115dd𑜆𑜊'
        '𑜎𑜏𑢠𑢢𑢣𑢤𑢦𑢨𑢩𑢬𑢮𑢯𑢲𑢵𑢷𑢸𑢻𑢼𑣀𑣁𑣂𑣃𑣄𑣆𑣈𑣊𑣌𑣎𑣕𑣖𑣗𑣘𑣜𑣠𑣤𑣥𑣦𑣩𑣬𑣯𑣲\U00011cb2𒀸𓋹𖼇𖼈𖼊𖼖𖼚𖼜𖼦𖼨𖼭𖼵𖼺𖼻𖼽𖼿𖽀𖽂𖽃\U00016f51\U00016f52𝄔\U0001d16d𝈂𝈆𝈋𝈍𝈏𝈒𝈓'
        '𝈔𝈕𝈖𝈗𝈛𝈜𝈡𝈢𝈪𝈫𝈰𝈶𝈷𝈸𝈹𝈺𝈻𝈿𝉅\U0001e8c7\U0001e8c8\U0001e8c9\U0001e8cb\U0001e8cc🌒🌘🌙🌳🍎🍏🍒🍓🍷🏢🐍👃🔔🜁🜂🜄🜊🜨🜺🝌🝔🝕🝞🝨🝱𠙴𡔳𡖇𡚧𡿨𢔅𣵀𤣽𥄚𥫔𦖝𦴆𪻅𭅡',
        E'Oll''lxpibgflR235spl!388?aǝꞓgyiiwuyȝ?\ua7ce''''''''''ՙ<>^^'''''':ՙ-'':˪\u0304\u0306\u0670\u0302\u0313\u0650'
        '\u1ae9\u0331\u0326\u0328\u0326\u0335\u0338\u0326\u0303\u0328\u0333\U00010efa\u0350\u0307\u030a\u0306ⱵˏИᴎɔꜿJA'
        'BEZHlKɅMNOPƩTYXaßyẟꞓiĸvopoᴛuɸςFЧч2ƨ6ojÞpMƆꜾꞒSlJABΓE3KɅMHOΠPCTYΦXba6ʙreɜᴎĸʍʜoπpcᴛyɸxwƅᴙꞓsijwΨψVvYyhelҶҷlƏǝ3ȝd'
        'ǶGɢƐꞓqWwኮሆጣቡUSΦO''''wqqẟhȷnɰnugifo:\u0301\u0301\u059a\u0599\u0596\u0598\u030a\u0323\u0307\u0307l\u0307\u0307'
        ':\u0307\u0323lv''lo'',\u0639\u0301\u0313\u0650lo\u0649\u030b\u0301\u0313\u030a\u0303\u0329\u0312\u0306\u0304'
        '\u0306\u0302\u0323\u0314\u0655.loVɅ,،*\u0649\u06a1\u062a\u0641\u0643\u0643\u0649oo\u0629\u0649\u067b\u0649-o'
        '\u030a\u0307.l\u0662\u0663\u0664o\u0666VɅ\u0669..::\u0307\u0307\u073c\u0301\u06ac\u0754Ol\u0304\u0307\u0302'
        '\u0308''''_\u0754\u06af\u0648\u06a1\u06a1\u0649\u064c\u064c\u0307\u0308\u0323\u0324\u030b\u064c\u064d\u0313'
        '\u0350\u0354\u0355\u0350\u0352\u0307:\u0323\u09bf\u0306\U00011b64\u0331\u0300\u0301\U00011b62\U00011b63o'
        '\u06693?\u0323o89র\u0307\u0983वटठउपढभहम\u0323\u09bf\U00011b62\U00011b63\U00011b64\u0948\u0946\u094do98\u0307'
        ':ч२\u0323ऽ\u0941\u0942\u094do२3४ч८॰8O\u0323o9\u030aஐஈஶஈன\u0307ளoகஉசஎஅய௳ஷo\u0983oo\u0983అఆఇఐఒగజఝఞటణదనయరఱలళ'
        '\u0c3f\u0c41\u0c43O౧౨౯o\u0983உவஐsoணமരழஶ\u0bbf\u0bbf\u0d41\u0d41\u0bc6\u0bc7ॱഞo9o\u0983එඛඔචභජදขชฎคคฑฆภา\u030a'
        'oจยบปฝพฟ\u0e38\u0e39\u0e48\u0e49\u0e4a\u0e4b\u030ao\u0325ར卐卍രco\u0b47\u030a\u0983oc၁Ꞇരyȝoー丨ᄀᄂᄃᄅᄆᄇᄉᄋᄌᄎᄏᄐᄑᄒᅀᅌᅙ'
        'UɰΦՈձODRTiⱵYAJE?ⱵΓWMHYƫGhZѠƐ4bRWSVSLCPKd6ßGBɢʙ=Δ·VɅ><''UՈPdbJΓL2ᐡᐩxẟHxRbFℲꟻⱯADDѠMBᒐᒉᓓᓚᕃᕆᕊƱΩƱΩXx<Xlᚽ''KMΨᚼ·:+'
        'Φ\u1715/ដអ\u0e34\u0e35\u0e36\u0e37\u030a\u0e48\u030aฯ๚๏๛o::ᠵᡜᣵᦞᦱᩅᩅ\u06db\u0328ᬍᬑᬨ᭐\u0302\u0304\u032b\u032e'
        '\u032d\u030e\u0329\u0323\u0324\u0316cɜĸʍoɔouvwzƨrʌπᴘлgyɋ\u1ada\u2decfßy---ーー'''',''··''''<>/-/*~:ⵗⵂ£ꞒՔ\u06db'
        'ЭƱɿeꓨꓶ𖼀Ɔɔᛏᛨ↲🄎ᛚᛐ\U0001f8d0\U0001f8d1ⱯƎΔΠƩ-/\\*°·lvՈUʃ:~≡ᑕᑐ𐊨ʘTꓕ∧vՈUᛜ·ᛞⵗꞓE∅⌤〼⊛\u0629ᐵipωaᚽ丨丨丨丨丨丨⍕⍎⍋⍭⏻l☾ーー│┌├ǂ/X'
        '∎▌ˉ▖▘∎⏥Δ⊳▶▶𐊼⊲ᛜᛜ°⌾⌒°ʘ□\U0001099eΞ⎈≏\U0001fa55\U0001fa57ᛜ॰()<>(){}+-÷ꓕ/\\T❬❭\U0001cee0xxⵂ⍉\U0001cef0⌾〼⍂⌻𐋀⦚\\/'
        '\\ʘ𐊨⊗⊍⊎⊓⊔ᛞᛚx⌙⨟∐ᗕᗒ↞↟↠↡BʙΓrΔꞒꞓςⱫⱬHʜliKĸλʌMʍNɴ3ʓOoΠπPpCcTᴛYyΦɸXχΨψꙌωΞ≡--ШwՔϼ3ȝ//993ȝPpLʟ666ẟɸɸϗՔ☧ɅVEƎƩl!OQʘXΔᛯ'
        '\u1ddf\u030a\u0368\u1adb\u036f\u0363\u0364ᑕᑐ∵∴∷\u061f°·،\u061bẟⵂ¶=乛乚亻刂㔾兀尣尢巳幺彑忄㣺扌攵旡歺民氵氺灬爫丬犭罒礻糹罓罒耂肀艹艹艹虎衤覀西见讠贝车'
        '辶辶阝钅镸长门阝青韦页风飞食飠饣马鬼鱼麦黄斉齐歯齿竜龙亀˳O❬❭₸()⟦⟧\u0309\u0325/❬\u030a=亻工力夕卜二/八へ口·儿ー丨/\\乛亅❬乚乙㘽㖈㬻𧢮ー\\/𛄢併値\U00016ff3啓口塡土墫媯帡'
        '㬺\U0002b73f戶㩁䀿晚㫚䑃杮㮣榝溈研絕朌朐朏㬵朓朘胼朣蒍蘷䚶訮讆豜赿跥躗軿郎鎭隷鹂黑䀹ꋍꃀꁊꑘꄲꁐꏂꎿꊱꉙꎫꎵBPdDTGKJCƆZFℲMNLSRɅVHWXYᙠAⱯEƎlOUՈᗡ.,:=.2ƨiωʘ'
        '\u20e9\u0306ˇ𐊨ИᚹⱵʡɅΠV?2\u0302\u0304˫˪s23ȝ9&Ꝺ:''·ꜧFf𐐒𐐺ʚꓤu3ꓕJXBßꙌωßー।ⰿꦝ꧐\u0662ꨁꨣeforrʃuuχχyљᴅʀᴛiᴀᴊᴇɂⱶrwʍʜɢzꞓƅʀ'
        'vsʟcᴘĸ()·ՔBΔEFlɅXOᛜPST+ABCΔFOϘMTYΦXΨΩⵀH\u062f\u0648\u0637\u0635ZBClMϘTX8*lX𐎂𐎓ƐOꓶCLⱰSƆИꞓʚocɷɞʟsɔᴎ𐒆ɅRӃOʘÞЋUᛦΨ7'
        'ʌλoꙩuψNOKCVFLX\u0323.\U00010ca5\U00010c82॰॰\u0323\u093a꣼ꣻ≈\u030aঘচজঞটডলতথদধনপমযবণরষস\u09be\u09bf\u09c7\u09d7'
        '\u0983\u09cd\u0323ঽo১২৬𑖂𑖂𑖃𑖄\U000115b2\U000115b3vwwwVFLYE∇Z9E4LOᛜU5TvsFiz7o39ꞓ69ouyO\u0669ZWCXWC\U00011caa𐎚'
        '\U0001099eΓVTLΔꙘꓶlƐRS3Ʌ>AUY''''{.Ӿ3ИV\\7F𐊼ꓶRⱯ⅄ꓕƐѠLꓶꟻ<>⊏⊐/\\ᛋՈl∠\u06638∂☽☾☽\U0001cebc\U0001cebd\U0001cebd'
        '\U0001cebe\U0001cebf\U0001ceba\U0001cebb\U0001ccfa\U0001ccfc\U0001fbfaꙘΔ𐊼☩𐊨⧟Cᛜ⊡≏T⊠凵壷多𡚨❬徚涅玥𥄙贛𦖨𦰶𤠔卑'), NULL)) WITH ORDINALITY u (letter, place));
END
$$;
COMMENT ON FUNCTION ledger_skeleton(text) IS 'A name as its letters look: names with the same skeleton are taken for each other (UTS #39).';

CREATE FUNCTION ledger_point(name text) RETURNS int8range
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN int8range(hashtextextended(name COLLATE "C", 0) >> 1, hashtextextended(name COLLATE "C", 0) >> 1, '[]');
COMMENT ON FUNCTION ledger_point(text) IS
    'The hash of a text as a range of one number, which an exclusion constraint can compare without an extension.';

-- What the constraints of many tables check. The server puts the body of such a function in place of its call.

CREATE FUNCTION ledger_has_control(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- The class [:cntrl:] is another one in each locale.
RETURN name ~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]';
COMMENT ON FUNCTION ledger_has_control(text) IS 'Whether a text has a control character or a line break of Unicode.';

CREATE FUNCTION ledger_is_tidy(name text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    blank CONSTANT text := '[\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]';
BEGIN
    RETURN NOT ledger_has_control(name) AND name !~ ('[' || ledger_invisible() || ']|^' || blank || '|' || blank || '$');
END
$$;
COMMENT ON FUNCTION ledger_is_tidy(text) IS 'Whether a text has no control and no invisible characters and no blanks at its ends.';

CREATE FUNCTION ledger_is_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- Nearly all names are ASCII, which is quickly seen. A BETWEEN beside an AND is not the same after a restore.
RETURN char_length(name) >= 1 AND char_length(name) <= 255 AND (name ~ '^[!-~]([ -~]*[!-~])?$' OR ledger_is_tidy(name));
COMMENT ON FUNCTION ledger_is_name(text) IS
    'Whether a text is a name: 1 to 255 characters, no control or invisible characters, no blanks at the ends.';

CREATE FUNCTION ledger_is_slug(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- A bound within the pattern would cost ten times as much.
RETURN octet_length(name) <= 63 AND name ~ '^[a-z0-9][a-z0-9_.-]*$';
COMMENT ON FUNCTION ledger_is_slug(text) IS
    'Whether a text is a short name for machines: lower-case letters, digits, _, . or -, at most 63 of them.';

CREATE FUNCTION ledger_is_person(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN char_length(name) <= 255 AND NOT ledger_has_control(name) AND (name ~ '[!-~]' OR ledger_visible(name) <> '');
COMMENT ON FUNCTION ledger_is_person(text) IS
    'Whether a text names somebody: at most 255 characters, none a control character and some that can be seen.';

CREATE FUNCTION ledger_is_time(at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN at >= '0001-01-01 00:00+00' AND at < '10000-01-01 00:00+00';
COMMENT ON FUNCTION ledger_is_time(timestamptz) IS 'Whether a timestamp lies in the years 1 to 9999, which every client can read.';

CREATE FUNCTION ledger_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'MLAO0', HINT = 'Record a new fact instead of changing history.';
END
$$;
COMMENT ON FUNCTION ledger_refuse_change() IS 'Trigger of append-only tables: refuses the statement.';

-- The rows that calls lock are taken in one order by all: of a model the model and then its slots, models by name,
-- then actions, alerts, partitions. Whoever keeps to it waits, and cannot be part of a deadlock. Whoever comes out of it holds
-- what others may wait for. Such a transaction does not wait: it tries for a quarter of a second and is told to run
-- again. It tries without queueing, or another's search for deadlocks could find it and fail the one that kept to it.
CREATE FUNCTION ledger_take_turn(place text[], lock text, make text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last text := nullif(current_setting('mlops_ledger.turn', true), '');
    timeout text := current_setting('lock_timeout');
    locked bigint;
BEGIN
    IF last IS NULL OR place COLLATE "C" >= last::text[] THEN
        PERFORM set_config('mlops_ledger.turn', place::text, true);
        IF lock IS NOT NULL THEN
            EXECUTE lock || ' SKIP LOCKED';  -- A row that is free needs no subtransaction.
            GET DIAGNOSTICS locked = ROW_COUNT;
            IF locked = 0 THEN
                PERFORM ledger_run_in_turn(lock);
            END IF;
        END IF;
        RETURN;
    END IF;
    FOR attempt_number IN 1..25 LOOP
        BEGIN
            PERFORM set_config('mlops_ledger.turn', place::text, true), set_config('lock_timeout', '1ms', true);
            IF lock IS NOT NULL THEN
                EXECUTE lock || ' NOWAIT';
            END IF;
            IF make IS NOT NULL THEN
                EXECUTE make;
            END IF;
            PERFORM set_config('mlops_ledger.turn', last, true), set_config('lock_timeout', timeout, true);
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.01);
        END;
    END LOOP;
    RAISE EXCEPTION 'a concurrent transaction got in the way: run the transaction again'
        USING ERRCODE = '40001', HINT = 'Take models, slots and alerts in the order of their names, and it waits instead.';
END
$$;
COMMENT ON FUNCTION ledger_take_turn(text[], text, text) IS
    'Locks a row in the order of all, by a SELECT that waits; out of order it does not wait, and runs what makes the row if there is none, or fails with a serialization error.';
REVOKE ALL ON FUNCTION ledger_take_turn(text[], text, text) FROM PUBLIC;

-- Writer, approver, auditor and agent are members of reader. The owner has everything, because it owns what is named here.
CREATE TABLE ledger_privileges (
    role text NOT NULL
        CONSTRAINT ledger_privileges_role_check CHECK (role IN ('reader', 'writer', 'approver', 'auditor', 'agent', 'owner')),
    privilege text NOT NULL,
    object_type text NOT NULL
        CONSTRAINT ledger_privileges_object_type_check CHECK (object_type IN ('TABLE', 'VIEW', 'SEQUENCE', 'FUNCTION')),
    object_name text NOT NULL,
    columns text[],
    CONSTRAINT ledger_privileges_pkey PRIMARY KEY (object_name, role, privilege)
);
COMMENT ON TABLE ledger_privileges IS
    'What each kind of role may do; each migration adds the rows of what it makes. A role that is not named here may do nothing, except the owner.';
COMMENT ON COLUMN ledger_privileges.role IS 'reader, writer, approver, auditor or agent, of which the last four are members of the first; owner for what nobody else may do.';
COMMENT ON COLUMN ledger_privileges.privilege IS 'SELECT, INSERT, UPDATE, DELETE, USAGE or EXECUTE.';
COMMENT ON COLUMN ledger_privileges.object_type IS 'TABLE, VIEW, SEQUENCE or FUNCTION.';
COMMENT ON COLUMN ledger_privileges.object_name IS 'Name of the table, view, sequence or function.';
COMMENT ON COLUMN ledger_privileges.columns IS 'With these columns only; NULL for all.';
INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'ledger_privileges'),
    ('reader', 'SELECT', 'TABLE', 'ledger_migrations');
