import { Migration } from '@mikro-orm/migrations';

/** Letters of a script that has two cases, one to one. */
interface Letters {
  readonly capital: string;
  readonly small: string;
}

// Unicode 16's default case folding of letters that decompose no further: a table of our own, since
// lower() folds what the database's locale says, which may be ASCII alone. Capitals include other
// forms of small letters, such as the final sigma; an I without a dot is taken for one with a dot,
// since no text says whether it is Turkish.
const LATIN: Letters = {
  capital: 'ÆÐØÞĐĦıŁŊŒŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎ',
  small: 'æðøþđħiłŋœŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏ',
};
const GREEK: Letters = {
  capital: '\u0345ͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿ',
  small: 'ιͱͳͷϳαβγδεζηθικλμνξοπρστυφχψωσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽ',
};
const CYRILLIC: Letters = {
  capital:
    'ЂЄЅІЈЉЊЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸ' +
    'ҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮ',
  small:
    'ђєѕіјљњћџабвгдежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹ' +
    'һҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯ',
};
const ARMENIAN: Letters = {
  capital: 'ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ',
  small: 'աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ',
};
const OTHER: Letters = {
  capital:
    'ႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇ' +
    'ᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯᏰᏱᏲᏳᏴᏵᲀᲁᲂᲃᲄᲅᲆᲇᲈᲉᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧ' +
    'ᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿỺỼỾℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢⱣⱤⱧ' +
    'ⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠ' +
    'ꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨ' +
    'ꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟋꟌ꟎Ꟑ꟒꟔ꟖꟘꟚꟜꟵ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶' +
    '𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏' +
    '𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𐵐𐵑𐵒𐵓𐵔𐵕𐵖𐵗𐵘𐵙𐵚𐵛𐵜𐵝𐵞𐵟𐵠𐵡𐵢𐵣𐵤𐵥𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶' +
    '𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𖺠𖺡𖺢𖺣𖺤𖺥𖺦𖺧𖺨𖺩𖺪𖺫𖺬𖺭𖺮𖺯𖺰𖺱𖺲𖺳𖺴𖺵𖺶𖺷𖺸𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍' +
    '𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡',
  small:
    'ⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗ' +
    'ꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿᏸᏹᏺᏻᏼᏽвдосттъѣꙋᲊაბგდევზთიკლმნოპჟრსტუფქღყ' +
    'შჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿỻỽỿⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫᵽɽⱨ' +
    'ⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡ' +
    'ꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩ' +
    'ɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊɤꟍ꟏ꟑꟓꟕꟗꟙꟛƛꟶ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞' +
    '𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏' +
    '𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𐵰𐵱𐵲𐵳𐵴𐵵𐵶𐵷𐵸𐵹𐵺𐵻𐵼𐵽𐵾𐵿𐶀𐶁𐶂𐶃𐶄𐶅𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖' +
    '𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𖺻𖺼𖺽𖺾𖺿𖻀𖻁𖻂𖻃𖻄𖻅𖻆𖻇𖻈𖻉𖻊𖻋𖻌𖻍𖻎𖻏𖻐𖻑𖻒𖻓𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯' +
    '𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃',
};

/** Characters as ranges of a bracket expression. */
function rangesOf(characters: string): string {
  const ranges: [number, number][] = [];
  for (const code of Array.from(characters, character => character.codePointAt(0)!)) {
    const last = ranges.at(-1);
    if (last && code === last[1] + 1) last[1] = code;
    else ranges.push([code, code]);
  }
  return ranges
    .map(range =>
      [...new Set(range)].map(code => `\\U${code.toString(16).padStart(8, '0')}`).join('-'),
    )
    .join('');
}

/** To look for letters costs less than to translate. */
const foldScript = ({ capital, small }: Letters): string =>
  `if folded ~ '[${rangesOf(capital)}]' ` +
  `then folded := translate(folded, '${capital}', '${small}'); end if;`;

/**
 * Statements that put the variable `folded` into decomposed form with the letters of these scripts
 * folded.
 */
const decompose = (
  ...scripts: Letters[]
): string => `folded := lower(normalize(folded, NFKD) collate "C");
      ${scripts.map(foldScript).join('\n      ')}
      folded := replace(replace(replace(folded, 'ß', 'ss'), 'ẞ', 'ss'), U&'i\\0307', 'i');`;

const FREQUENT = 'ßςı';
const SCRIPTS = [LATIN, GREEK, CYRILLIC, ARMENIAN, OTHER];
const RARE = SCRIPTS.map(({ capital }) =>
  rangesOf(capital.replace(new RegExp(`[${FREQUENT}]`, 'g'), '')),
).join('');
/** Small letters with an iota below, which is a letter of its own in capitals. */
const IOTA_BELOW =
  '\\u1f80-\\u1faf\\u1fb2-\\u1fb4\\u1fb7\\u1fbc' +
  '\\u1fc2-\\u1fc4\\u1fc7\\u1fcc\\u1ff2-\\u1ff4\\u1ff7\\u1ffc';

// A byte order mark is no part of a text: some programs leave it before one, and some drivers read
// it away. A text that holds nothing but what lower() of the database folds is decomposed by none
// of the steps: they take ten times as long.
const FOLD =
  'create function weaver_fold(text) returns text language plpgsql immutable ' +
  `strict parallel safe as $function$
  declare
    folded text collate "C";
  begin
    if octet_length($1) = char_length($1) then
      return lower($1 collate "C");
    end if;
    folded := lower(case when $1 is NFKC normalized then $1 ` +
  `else normalize($1, NFKC) end collate "default");
    if lower('É' collate "default") <> 'é' or folded ~ '[\\u0300-\\u036f${IOTA_BELOW}${RARE}]' then
      ${decompose(...SCRIPTS)}
      folded := normalize(folded, NFC);
    end if;
    if folded ~ '[${FREQUENT}\\ufeff]' then
      folded := replace(replace(replace(replace(folded, 'ß', 'ss'), 'ς', 'σ'), 'ı', 'i'), ` +
  `U&'\\FEFF', '');
    end if;
    return folded;
  end $function$`;

/** Marks that stand above, below or in a letter. */
const MARKS =
  '\\u0300-\\u036f\\u0483-\\u0487\\u0591-\\u05c7\\u064b-\\u065f\\u0670' +
  '\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\u3099-\\u309a\\ufe20-\\ufe2f';

// Before digits, where most punctuation stands in ASCII: in place of control characters, space
// first.
const PUNCTUATION = ' :;<=>?@[\\]^_`{|}~';
const BEFORE = Array.from(
  PUNCTUATION,
  (_, index) => `\\x${(0x0d + index).toString(16).padStart(2, '0')}`,
).join('');

// Three texts, of which a later one counts where the earlier are equal: letters without case and
// marks, with numbers by their value; the marks; the case, small letters first. 2,000 bytes of it
// fit an index beside two ids.
const SORT_KEY =
  'create function weaver_sort_key(text) returns bytea language plpgsql immutable ' +
  `strict parallel safe as $function$
  declare
    name text collate "C" := replace($1, U&'\\FEFF', '');
    folded text collate "C" := name;
    letters text collate "C";
    cased text collate "C" := '';
  begin
    if octet_length(name) = char_length(name) then
      folded := lower(name collate "C");
      letters := folded;
      if folded <> name then cased := regexp_replace(name, '[A-Z]', '~', 'g'); end if;
    else
      ${decompose(LATIN, GREEK, CYRILLIC, ARMENIAN)}
      letters := regexp_replace(replace(folded, U&'\\0438\\0306', U&'\\0439'), '[${MARKS}]', '', ` +
  `'g');
      letters := replace(replace(translate(letters, 'đðħłøŧ‘’‚‹›“”„«»‐‒–—', ` +
  `'ddhlot''''''''''"""""----'), 'æ', 'ae'), 'œ', 'oe');
      cased := regexp_replace(normalize(name, NFD), '[A-ZΑ-ΩЀ-Я]', U&'\\+10FFFF', 'g');
    end if;
    if letters = folded then folded := ''; end if;
    letters := translate(letters, '${PUNCTUATION}', E'${BEFORE}');
    if letters ~ '[0-9]' then
      letters := regexp_replace(regexp_replace(letters, '([0-9]+)', '000000000\\1', 'g'), ` +
  `'0*([0-9]{10,})', '\\1', 'g');
    end if;
    return substring(convert_to(letters, 'UTF8') || '\\x00' || convert_to(folded, 'UTF8') || ` +
  `'\\x00' || convert_to(cased, 'UTF8') from 1 for 2000);
  end $function$`;

/**
 * How texts are found and ordered, the same on every server: `weaver_fold` gives all spellings of a
 * text one form, whatever their case and normal form; `weaver_sort_key` gives names the order of an
 * alphabet (docs/decisions/0012-names-in-alphabetical-order.md).
 *
 * Leakproof is what a superuser alone may declare: without it PostgreSQL does not ask the indexes
 * of the next migrations where a page begins, and reads a tenant's names from the first. The
 * function raises no error that depends on a text, nor tells of it otherwise.
 */
export class Migration20261130100200_alphabet extends Migration {
  override name = 'Migration20261130100200_alphabet';

  // lint: allow rows-unclear: its block changes a function alone
  override up(): void {
    this.addSql(FOLD);
    this.addSql(SORT_KEY);
    this.addSql(
      `
      do $do$ begin
        alter function weaver_sort_key(text) leakproof;
      exception when insufficient_privilege then
        raise notice 'Later pages of lists by name will be slow for large tenants. ` +
        `Run "weaver db bootstrap" as a superuser, which lets them use their indexes.';
      end $do$`,
    );
  }

  override down(): void {
    this.addSql('drop function weaver_sort_key(text)');
    this.addSql('drop function weaver_fold(text)');
  }
}
