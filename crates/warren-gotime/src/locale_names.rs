//! The names themselves, as the Unicode CLDR (release 43, Unicode License v3) has them for the Gregorian calendar.

use super::locale::Language;

/// Languages, common ones only.
#[rustfmt::skip]
pub(super) const LANGUAGES: &[Language] = &[
    Language {
        tags: "en en-AE en-AS en-BI en-GU en-ID en-MH en-MP en-MV en-PR en-UM en-US en-US-u-va-posix en-VI",
        names: [
            "Sun|Mon|Tue|Wed|Thu|Fri|Sat",
            "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday",
            "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
            "January|February|March|April|May|June|July|August|September|October|November|December",
            "AM|PM",
        ],
    },
    Language {
        tags: "en-GB en-001 en-150 en-AG en-AI en-AT en-BB en-BE en-BM en-BS en-BW en-BZ en-CC en-CH en-CK en-CM en-CX en-CY en-DE en-DG en-DK en-DM en-ER en-FI en-FJ en-FK en-FM en-GD en-GG en-GH en-GI en-GM en-GY en-HK en-IE en-IL en-IM en-IN en-IO en-JE en-JM en-KE en-KI en-KN en-KY en-LC en-LR en-LS en-MG en-MO en-MS en-MT en-MU en-MW en-MY en-NA en-NF en-NG en-NL en-NR en-NU en-NZ en-PG en-PH en-PK en-PN en-PW en-RW en-SB en-SC en-SD en-SE en-SG en-SH en-SI en-SL en-SS en-SX en-SZ en-TC en-TK en-TO en-TT en-TV en-TZ en-UG en-VC en-VG en-VU en-WS en-ZA en-ZM en-ZW",
        names: [
            "Sun|Mon|Tue|Wed|Thu|Fri|Sat",
            "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday",
            "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept|Oct|Nov|Dec",
            "January|February|March|April|May|June|July|August|September|October|November|December",
            "am|pm",
        ],
    },
    Language {
        tags: "de de-BE de-CH de-DE de-LI",
        names: [
            "So.|Mo.|Di.|Mi.|Do.|Fr.|Sa.",
            "Sonntag|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag",
            "Jan.|Feb.|März|Apr.|Mai|Juni|Juli|Aug.|Sept.|Okt.|Nov.|Dez.",
            "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
            "",
        ],
    },
    Language {
        tags: "de-AT de-IT",
        names: [
            "So.|Mo.|Di.|Mi.|Do.|Fr.|Sa.",
            "Sonntag|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag",
            "Jän.|Feb.|März|Apr.|Mai|Juni|Juli|Aug.|Sep.|Okt.|Nov.|Dez.",
            "Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
            "",
        ],
    },
    Language {
        tags: "fr fr-BE fr-BF fr-BI fr-BJ fr-BL fr-CD fr-CF fr-CG fr-CH fr-CI fr-DJ fr-DZ fr-FR fr-GA fr-GF fr-GN fr-GP fr-GQ fr-HT fr-KM fr-LU fr-MC fr-MF fr-MG fr-ML fr-MQ fr-MR fr-MU fr-NC fr-NE fr-PF fr-PM fr-RE fr-RW fr-SC fr-SN fr-SY fr-TD fr-TG fr-TN fr-VU fr-WF fr-YT",
        names: [
            "dim.|lun.|mar.|mer.|jeu.|ven.|sam.",
            "dimanche|lundi|mardi|mercredi|jeudi|vendredi|samedi",
            "janv.|févr.|mars|avr.|mai|juin|juil.|août|sept.|oct.|nov.|déc.",
            "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
            "",
        ],
    },
    Language {
        tags: "fr-CA",
        names: [
            "dim.|lun.|mar.|mer.|jeu.|ven.|sam.",
            "dimanche|lundi|mardi|mercredi|jeudi|vendredi|samedi",
            "janv.|févr.|mars|avr.|mai|juin|juill.|août|sept.|oct.|nov.|déc.",
            "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "es es-419 es-AR es-BO es-BR es-BZ es-CL es-CO es-CR es-CU es-DO es-EA es-EC es-ES es-GQ es-GT es-HN es-IC es-NI es-PA es-PH es-PR es-SV es-US",
        names: [
            "dom|lun|mar|mié|jue|vie|sáb",
            "domingo|lunes|martes|miércoles|jueves|viernes|sábado",
            "ene|feb|mar|abr|may|jun|jul|ago|sept|oct|nov|dic",
            "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "es-MX",
        names: [
            "dom|lun|mar|mié|jue|vie|sáb",
            "domingo|lunes|martes|miércoles|jueves|viernes|sábado",
            "ene|feb|mar|abr|may|jun|jul|ago|sep|oct|nov|dic",
            "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "pt pt-BR",
        names: [
            "dom.|seg.|ter.|qua.|qui.|sex.|sáb.",
            "domingo|segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira|sábado",
            "jan.|fev.|mar.|abr.|mai.|jun.|jul.|ago.|set.|out.|nov.|dez.",
            "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro",
            "",
        ],
    },
    Language {
        tags: "pt-PT pt-AO pt-CH pt-CV pt-GQ pt-GW pt-LU pt-MO pt-MZ pt-ST pt-TL",
        names: [
            "domingo|segunda|terça|quarta|quinta|sexta|sábado",
            "domingo|segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira|sábado",
            "jan.|fev.|mar.|abr.|mai.|jun.|jul.|ago.|set.|out.|nov.|dez.",
            "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "it it-CH it-IT it-SM it-VA",
        names: [
            "dom|lun|mar|mer|gio|ven|sab",
            "domenica|lunedì|martedì|mercoledì|giovedì|venerdì|sabato",
            "gen|feb|mar|apr|mag|giu|lug|ago|set|ott|nov|dic",
            "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre",
            "m.|p.",
        ],
    },
    Language {
        tags: "nl nl-AW nl-BE nl-BQ nl-CW nl-NL nl-SR nl-SX",
        names: [
            "zo|ma|di|wo|do|vr|za",
            "zondag|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag",
            "jan|feb|mrt|apr|mei|jun|jul|aug|sep|okt|nov|dec",
            "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "sv sv-AX sv-FI sv-SE",
        names: [
            "sön|mån|tis|ons|tors|fre|lör",
            "söndag|måndag|tisdag|onsdag|torsdag|fredag|lördag",
            "jan.|feb.|mars|apr.|maj|juni|juli|aug.|sep.|okt.|nov.|dec.",
            "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december",
            "fm|em",
        ],
    },
    Language {
        tags: "da da-DK da-GL",
        names: [
            "søn.|man.|tirs.|ons.|tors.|fre.|lør.",
            "søndag|mandag|tirsdag|onsdag|torsdag|fredag|lørdag",
            "jan.|feb.|mar.|apr.|maj|jun.|jul.|aug.|sep.|okt.|nov.|dec.",
            "januar|februar|marts|april|maj|juni|juli|august|september|oktober|november|december",
            "a|p",
        ],
    },
    Language {
        tags: "no",
        names: [
            "søn.|man.|tir.|ons.|tor.|fre.|lør.",
            "søndag|mandag|tirsdag|onsdag|torsdag|fredag|lørdag",
            "jan.|feb.|mars|apr.|mai|juni|juli|aug.|sep.|okt.|nov.|des.",
            "januar|februar|mars|april|mai|juni|juli|august|september|oktober|november|desember",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "fi fi-FI",
        names: [
            "su|ma|ti|ke|to|pe|la",
            "sunnuntaina|maanantaina|tiistaina|keskiviikkona|torstaina|perjantaina|lauantaina",
            "tammik.|helmik.|maalisk.|huhtik.|toukok.|kesäk.|heinäk.|elok.|syysk.|lokak.|marrask.|jouluk.",
            "tammikuuta|helmikuuta|maaliskuuta|huhtikuuta|toukokuuta|kesäkuuta|heinäkuuta|elokuuta|syyskuuta|lokakuuta|marraskuuta|joulukuuta",
            "ap.|ip.",
        ],
    },
    Language {
        tags: "pl pl-PL",
        names: [
            "niedz.|pon.|wt.|śr.|czw.|pt.|sob.",
            "niedziela|poniedziałek|wtorek|środa|czwartek|piątek|sobota",
            "sty|lut|mar|kwi|maj|cze|lip|sie|wrz|paź|lis|gru",
            "stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia",
            "a|p",
        ],
    },
    Language {
        tags: "cs cs-CZ",
        names: [
            "ne|po|út|st|čt|pá|so",
            "neděle|pondělí|úterý|středa|čtvrtek|pátek|sobota",
            "led|úno|bře|dub|kvě|čvn|čvc|srp|zář|říj|lis|pro",
            "ledna|února|března|dubna|května|června|července|srpna|září|října|listopadu|prosince",
            "dop.|odp.",
        ],
    },
    Language {
        tags: "sk sk-SK",
        names: [
            "ne|po|ut|st|št|pi|so",
            "nedeľa|pondelok|utorok|streda|štvrtok|piatok|sobota",
            "jan|feb|mar|apr|máj|jún|júl|aug|sep|okt|nov|dec",
            "januára|februára|marca|apríla|mája|júna|júla|augusta|septembra|októbra|novembra|decembra",
            "",
        ],
    },
    Language {
        tags: "hu hu-HU",
        names: [
            "V|H|K|Sze|Cs|P|Szo",
            "vasárnap|hétfő|kedd|szerda|csütörtök|péntek|szombat",
            "jan.|febr.|márc.|ápr.|máj.|jún.|júl.|aug.|szept.|okt.|nov.|dec.",
            "január|február|március|április|május|június|július|augusztus|szeptember|október|november|december",
            "de.|du.",
        ],
    },
    Language {
        tags: "ro ro-RO",
        names: [
            "dum.|lun.|mar.|mie.|joi|vin.|sâm.",
            "duminică|luni|marți|miercuri|joi|vineri|sâmbătă",
            "ian.|feb.|mar.|apr.|mai|iun.|iul.|aug.|sept.|oct.|nov.|dec.",
            "ianuarie|februarie|martie|aprilie|mai|iunie|iulie|august|septembrie|octombrie|noiembrie|decembrie",
            "a.m.|p.m.",
        ],
    },
    Language {
        tags: "ru ru-BY ru-KG ru-KZ ru-MD ru-RU ru-UA",
        names: [
            "вс|пн|вт|ср|чт|пт|сб",
            "воскресенье|понедельник|вторник|среда|четверг|пятница|суббота",
            "янв.|февр.|мар.|апр.|мая|июн.|июл.|авг.|сент.|окт.|нояб.|дек.",
            "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря",
            "",
        ],
    },
    Language {
        tags: "uk uk-UA",
        names: [
            "нд|пн|вт|ср|чт|пт|сб",
            "неділю|понеділок|вівторок|середу|четвер|пʼятницю|суботу",
            "січ.|лют.|бер.|квіт.|трав.|черв.|лип.|серп.|вер.|жовт.|лист.|груд.",
            "січня|лютого|березня|квітня|травня|червня|липня|серпня|вересня|жовтня|листопада|грудня",
            "дп|пп",
        ],
    },
    Language {
        tags: "bg bg-BG",
        names: [
            "нд|пн|вт|ср|чт|пт|сб",
            "неделя|понеделник|вторник|сряда|четвъртък|петък|събота",
            "яну|фев|март|апр|май|юни|юли|авг|сеп|окт|ное|дек",
            "януари|февруари|март|април|май|юни|юли|август|септември|октомври|ноември|декември",
            "am|pm",
        ],
    },
    Language {
        tags: "el el-CY el-GR",
        names: [
            "Κυρ|Δευ|Τρί|Τετ|Πέμ|Παρ|Σάβ",
            "Κυριακή|Δευτέρα|Τρίτη|Τετάρτη|Πέμπτη|Παρασκευή|Σάββατο",
            "Ιαν|Φεβ|Μαρ|Απρ|Μαΐ|Ιουν|Ιουλ|Αυγ|Σεπ|Οκτ|Νοε|Δεκ",
            "Ιανουαρίου|Φεβρουαρίου|Μαρτίου|Απριλίου|Μαΐου|Ιουνίου|Ιουλίου|Αυγούστου|Σεπτεμβρίου|Οκτωβρίου|Νοεμβρίου|Δεκεμβρίου",
            "π.μ.|μ.μ.",
        ],
    },
    Language {
        tags: "tr tr-CY tr-TR",
        names: [
            "Paz|Pzt|Sal|Çar|Per|Cum|Cmt",
            "Pazar|Pazartesi|Salı|Çarşamba|Perşembe|Cuma|Cumartesi",
            "Oca|Şub|Mar|Nis|May|Haz|Tem|Ağu|Eyl|Eki|Kas|Ara",
            "Ocak|Şubat|Mart|Nisan|Mayıs|Haziran|Temmuz|Ağustos|Eylül|Ekim|Kasım|Aralık",
            "ÖÖ|ÖS",
        ],
    },
    Language {
        tags: "ja ja-JP",
        names: [
            "日|月|火|水|木|金|土",
            "日曜日|月曜日|火曜日|水曜日|木曜日|金曜日|土曜日",
            "",
            "1月|2月|3月|4月|5月|6月|7月|8月|9月|10月|11月|12月",
            "午前|午後",
        ],
    },
    Language {
        tags: "zh zh-Hans zh-Hans-CN zh-Hans-HK zh-Hans-MO zh-Hans-SG",
        names: [
            "周日|周一|周二|周三|周四|周五|周六",
            "星期日|星期一|星期二|星期三|星期四|星期五|星期六",
            "1月|2月|3月|4月|5月|6月|7月|8月|9月|10月|11月|12月",
            "一月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月",
            "上午|下午",
        ],
    },
    Language {
        tags: "zh-Hant zh-Hant-HK zh-Hant-MO zh-Hant-TW",
        names: [
            "週日|週一|週二|週三|週四|週五|週六",
            "星期日|星期一|星期二|星期三|星期四|星期五|星期六",
            "",
            "1月|2月|3月|4月|5月|6月|7月|8月|9月|10月|11月|12月",
            "上午|下午",
        ],
    },
    Language {
        tags: "ko ko-CN ko-KP ko-KR",
        names: [
            "일|월|화|수|목|금|토",
            "일요일|월요일|화요일|수요일|목요일|금요일|토요일",
            "",
            "1월|2월|3월|4월|5월|6월|7월|8월|9월|10월|11월|12월",
            "",
        ],
    },
];
