"""Words that postings and résumés are recognised by: occupations, organisations, headings. Knows no text and no field.

Lists are written one word or phrase after another; `either` makes one pattern of a list. A phrase is written with
underscores ("head_of"); a word may hold regular expression signs ("clean(?:er)").
"""

from __future__ import annotations

import re


def either(words: str) -> str:
    """A pattern that matches any of the words or phrases of a list."""
    return "(?:" + "|".join(word.replace("_", r"[\s-]+") for word in words.split()) + ")"


_OCCUPATIONS = either("""
    accountant accounts_payable administrator advis[eo]r agent analyst apprentice architect artist assistant associate attendant
    auditor baker barista bartender beautician bricklayer buyer captain care_?giver carer caretaker cashier ceo cfo chef chief
    clean(?:er) clerk co-?founder co-?ordinator coach consultant controller cook counsell?or cto curator dba decorator dentist
    designer developer dieti[ct]i?an director doctor driver editor educator electrician engineer estimator executive expert
    facilitator fellow(?:ship)? firefighter fitter florist gardener generalist geologist grower guard hairdresser handler head_of
    housekeeper hygienist inspector instructor intern(?:ship)? interpreter investigator janitor joiner journalist labou?rer landscaper
    lawyer lead leader lecturer librarian machinist manager marketer mechanic merchandiser midwife nurse officer operative operator
    optician optometrist orthoptist paralegal paramedic partner pharmacist photographer physician physicist physiologist
    physiotherapist planner plasterer plumber porter practitioner president producer professional professor programmer psychologist
    psychotherapist radiographer receptionist recruiter registrar representative researcher resident roofer salesperson scientist
    secretary server solicitor sonographer specialist statistician steward strategist supervisor surgeon surveyor teacher teammate
    technician technologist tester therapist trader trainee trainer transcriptionist translator tutor underwriter upholsterer
    veterinarian volunteer waiter waitress warden welder worker writer""")
OCCUPATION = re.compile(rf"(?i)\b{_OCCUPATIONS}(?:s|es)?\b")

_ORGANISATIONS = either(r"""
    Ltd LTD Limited LIMITED LLP LLC PLC plc Inc Corp(?:oration)? GmbH AG S[.]A[.] B[.]V[.] Pty Pvt PVT CIC Co[.] Company Group Holdings?
    Trust Council University College School Academy Institute Hospitals? Clinic NHS Health(?:care)? Care Museum Library Garden
    Gallery Foundation Society Association Charity Church Bank Agency Authority Department Ministry Board Services? Solutions Systems
    Technologies TECHNOLOGIES Technology Software Labs? Laborator(?:y|ies) Studios? Partners Consult(?:ing|ancy|ants) Logistics
    Industries Foods? Hotels? Energy Media Networks? International Analytics Insurance Retail Stores? City_of County State_of
    Enterprises Engineering_Works Infotech InfoTech Infosystems Technolog(?:y|ies)""")
ORGANISATION = re.compile(rf"\b{_ORGANISATIONS}(?:\b|(?<=[.]))")

# A line of work begins with a verb. Endings ("manages", "managing") are allowed for.
WORK_VERB = re.compile(
    r"""(?xi)^(?:\w+ly\s+)?(?:accept|account|achiev|act|adapt|address|administ|advis|advocat|analy[sz]|answer|apply|arrang|assess|assign|assist|attend|audit|book|bring|build|calculat|car|carr(?:y|ies|ied)|check|clean|
    clos|coach|collaborat|collect|communicat|compil|complet|compos|conduct|consult|contribut|control|coordinat|co-ordinat|creat|cultivat|
        deal|defin|deliver|demonstrat|deploy|design|determin|develop|diagnos|direct|
    discuss|document|draft|driv|educat|encourag|engag|ensur|establish|evaluat|execut|explain|explor|facilitat|follow|generat|greet|grow|
        guid|handl|help|hir|host|identif|implement|improv|influenc|inform|initiat|
    inspect|install|instruct|integrat|interact|interpret|interview|investigat|keep|launch|lead|learn|liais|lift|listen|maintain|mak|manag|
        market|measur|mentor|monitor|motivat|negotiat|observ|obtain|operat|optimi[sz]|
    order|organi[sz]|oversee|own|participat|perform|plan|prepar|present|process|procur|produc|promot|propos|protect|provid|publish|
        purchas|reach|receiv|recommend|record|recruit|regist|report|research|resolv|respond|
    review|run|scan|schedul|secur|select|sell|serv|set|shap|shar|solv|spearhead|staff|stay|submit|supervis|suppl(?:y|ies)|support|take|
        teach|test|track|train|translat|troubleshoot|understand|undertak|updat|upload|us|utili[sz]|
    validat|verif|visit|work|writ|spend|won|win|led|built|wrote|ran|made|grew|taught|drove|oversaw|took|held|sold|brought|kept|began|
        undertook|chair|cut|reduc|increas|rais|sav|autom|migrat|moderni|partner|head|architect|script|cod|debug|sourc|cater|cook|paint|
        weld|nurs)(?:e?s|e?d|ned|ted|red|led|ied|ing|ning|ting|ring|ling|ying|ies|y|e|n|zed|zing|sed|sing|at(?:e|es|ed|ing))?\b"""
)

# Headings of a posting -------------------------------------------------------------------------------------------

_WANTED = either("""
    requirements? qualifications? person_specification must[-_]haves? skills? competenc(?:y|ies|es) eligibility essential criteria
    expertise abilities attributes characteristics qualities knowledge training certifications? licen[cs]es? education
    experience""")
ESSENTIAL = rf"""(?:{_WANTED}|
    (?:.*\b)?(?:requirements?|qualifications?|competenc(?:y|ies|es)|person\ specification|skills|criteria|attributes|characteristics|
        expertise)|
    (?:.*\b)?(?:skills?|experience|education|knowledge|qualifications?)(?:\ required|\ needed|,?\ (?:and|&|/)\ .*|,\ .*|:.*)|
    (?:minimum|required|mandatory)\b.*|essential\ (?!func|dut|job|task|resp).*|
        ability\ to|
    (?:what|who)\ (?:we(?:'re|’re|\ are)?|do\ we)\ (?:look(?:ing)?\ for|need|require|want|seek)\b.*|
    (?:what|who)\ (?:you(?:'ll|’ll|\ will)?|do\ you)\ ?(?:are|is|bring|need|have|look(?:ing)?(?:\ for)?|
        require|want|must\ have|possess)\b.*|
    what\ makes\ you\b.*|what\ it\ takes|who\ you\ are|about\ you|your\ (?:profile|background|skills?|experience|strengths|qualities)\b.*|
    you(?:\ will|\ must|'ll|’ll)?\ (?:have|bring|are|should\ have)|
    (?:you(?:'re|’re|\ are)?|is\ this\ you|are\ you|could\ this\ be\ you)\b.*(?:fit|right|if|have)|
    (?:the\ )?(?:ideal|successful|right|strong)\ (?:candidate|person|applicant|individual)s?\b.*|
    (?:to\ (?:be\ successful|succeed|thrive)|we(?:'re|’re|\ are)?\ looking\ for)\b.*|
    (?:the\ )?candidates?\ (?:will|should|must)(?:\ have)?|(?:.*\b)(?:you(?:'ll|’ll|\ will|\ must|\ should)?\ (?:have|need|bring)|
        must\ have|should\ have)|
    応募資格|必須.*|求める.*)"""

# What would be welcome too; tried before ESSENTIAL.
OPTIONAL = r"""(?:
    (?:(?:also|really|very)\ )?(?:nice|good|great|useful|helpful)[-\ ]to[-\ ]have\W?s?\b.*|
    (?:optional|preferred|desired|desirable|advantageous|extra\ credit|pluses)\b.*|
    bonus(?!es|\W+(?:schem|and|&|plan|pay|potential|struct))\b.*|
    (?:(?:an?|big|huge|considered)\ )*(?:plus|advantage|asset)|(?:would|will)\ be\ (?:an?\ )?(?:plus|advantage|bonus|nice|asset)|
    (?:it(?:'s|’s|\ is)|(?:it\ )?would\ be|even\ better|brownie)\ ?(?:an?\ )?(?:plus|bonus|nice|great|advantage|points)?\ if\b.*|
    even\ better|歓迎.*)"""

DUTIES = r"""(?:(?:.*\b)?(?:responsibilit(?:y|ies)|duties|accountabilities|essential\ functions?|job\ functions?|tasks)
    (?:\ (?:and|&)\ .*|\ include.*|\ may\ include.*)?|
    functions|activities|(?:what|how)\ you(?:'ll|’ll|\ will|'re|’re)?\ (?:do|be\ doing|work|contribute|make|be\ responsible)\b.*|
        (?:about\ )?the\ (?:role|job|work|position|post|opportunity)|role|
    (?:main|key)\ (?:tasks|purpose)|your\ (?:role|mission|day|tasks?|responsibilities|impact)\b.*|(?:job|role|position)\ (?:purpose|
        summary|description|overview|objective)|
    day[-\ ]to[-\ ]day\b.*|a\ (?:typical\ )?day\ in\b.*|(?:in|as\ part\ of)\ this\ (?:role|position)\b.*|you\ will(?:\ be)?|
        as\ an?\ .*\ you(?:'ll|’ll|\ will)\b.*|
    (?:.*\b)(?:you(?:'ll|’ll|\ will)(?:\ be)?|responsible\ for|duties\ (?:are|include))|主要業務.*|業務内容|仕事内容)"""

ELSEWHERE = r"""(?:(?:.*\b)?(?:benefits|perks|we\ offer|salary|compensation|remuneration|working\ hours|how\ to\ apply|
    to\ apply|disclaimer|disclosure|safeguarding|accommodations?)(?:\W.*)?|
    (?:offer|pay|hours|location|application|equal|diversity|inclusion|privacy|eeo|additional\ information|other\ information|contact|
        physical|working\ conditions|environment|work\ environment|
    supervision|distinguishing\ characteristics|definition|flsa|selection|interview|closing|tags|notes?|notice|important|documents|
        appointment|review\ date|our\ \w+|who\ we\ are|about\ us|about\ the|
    what\ we\ (?:do|offer)|what(?:'s|’s)\ in\ it|why|company|the\ (?:company|team|organi[sz]ation)|overview|introduction|rewards?|package|
        website|phone|email|policy|background|veterans?|similar\ jobs|
    careers?|benefit|job\ (?:type|details|info\w*|location)|posted|share|terms|legal|statement|schedule|travel|ways\ to|how\ we|process|
        next\ steps|audition|attention|department)\b.*|
    待遇.*|福利.*|勤務.*|選考.*|about\ .*)"""


def headings(**kinds: str) -> list[tuple[str, re.Pattern[str]]]:
    """(kind, pattern of a whole heading line) in the order in which they are to be tried."""
    return [(kind, re.compile(rf"(?xi)^{words}\W*$")) for kind, words in kinds.items()]


POSTING_HEADINGS = headings(optional=OPTIONAL, requirements=ESSENTIAL, duties=DUTIES, other=ELSEWHERE)

# Headings of a résumé --------------------------------------------------------------------------------------------

_KINDS_OF_WORK = either("""
    work professional employment relevant career job industry industrial teaching research clinical volunteer(?:ing)? other additional
    previous total key selected management organi[sz]ational corporate freelance internship""")
EXPERIENCE = rf"""(?:(?:{_KINDS_OF_WORK}\ ?)*
    (?:experiences?|employment|history|work|internships?)(?:\ (?:details?|history|summary|profile|and\ .*|&\ .*|[–(-].*))?|
        company\ details|positions\ held|
    career\ (?:graph|progression|contour|path)|employment\ (?:record|details)|where\ i'?ve\ worked|professional\ background)"""

EDUCATION = r"""(?:(?:basic\ |academic\ |educational?\ |professional\ |technical\ )*
    (?:education|qualifications?|academics?|academia|scholastics?|credentials)(?:\ (?:details?|profile|background|qualifications?|history|
        record|credentials|chronicle|and\ .*|&\ .*))?|
    (?:academic|educational|scholastic)\ (?:details?|profile|background|record|history|credentials|achievements)|degrees?)"""

_KINDS_OF_SKILL = either("""
    core key technical it software computer professional relevant personal additional other soft hard main business functional primary
    areas?_of programming management language transferable""")
SKILLS = rf"""(?:(?:(?:{_KINDS_OF_SKILL}|areas?\ of)\ ?(?:and\ |&\ )?)*
    (?:skills?|competenc(?:y|ies|es)|proficienc(?:y|ies)|expertise|technologies|strengths|skill\ ?sets?|tools|capabilities|highlights|
        knowledge)
    (?:\ (?:details?|sets?|summary|matrix|highlights|profile|areas|and\ .*|&\ .*))?|technologies(?:\ used)?|tech\ stack|skills?/.*|
        it\ knowledge|tools\ (?:and|&)\ .*|
    languages\ (?:and|&)\ (?:tools|software|technologies|frameworks)|technical\ (?:environment|profile|summary)|programming\ languages?|
        software)"""

CERTIFICATES = r"""(?:(?:(?:professional|technical|key|additional|other|it)\ )*
    (?:certifications?|certificates?|licen[cs](?:es?|ures?)|accreditations?|courses?|trainings?|registrations?)(?:\ (?:details?|attended|
        completed|undertaken|and\ .*|&\ .*|/.*))?|
    (?:professional\ )?(?:training|courses)\ .{0,30}certifi\w+)"""

SUMMARY = r"""(?:(?:(?:professional|career|executive|personal|profile|brief|work|resume|experience|my)\ ?)*
    (?:summary|objectives?|profile|overview|statement|synopsis|snapshot|goals?|about\ me|snaps)|about(?:\ me)?|professional\ headline|
        introduction)"""

BESIDE = r"""(?:(?:(?:academic|key|personal|side|open\ source|major|relevant|recent|college|professional|selected|live|mini|it|main)\ )*
    projects?(?:\ (?:details?|undertaken|handled|experience|summary|profile|report|and\ .*|worked\ .*|[–(-].*))?|projects\ report|
        hobbies.*|interests.*|
    personal\ (?:details?|information|profile|particulars|data|interests?|traits|dossier|vitae)|references?|referees|declaration.*|
        languages?(?:\ known.*|\ proficiency)?|
    additional\ information|(?:honou?rs?|awards?|achievements?|accomplishments?|recognition)(?:(?:,|\ and|\ &|/)\ .*)?|key\ achievements|
        (?:co\W{1,2})?extra\W{0,2}curricular.*|
    co-?curricular.*|activities.*|publications?.*|patents?|volunteer(?:ing)?|links?|contact(?:\ (?:details?|info\w*))?|affiliations?|
        memberships?|military\ service|
    visa.*|websites?|portfolio|test\ scores?|back\ to\ top|jump\ to\ section.*|work\ authorization|desired\ .*|conferences.*|
        presentations.*|leadership(?:\ .*)?|groups|
    certified\ skills|workshops?.*|areas?\ of\ interest:?)"""

RESUME_HEADINGS = headings(
    experience=EXPERIENCE, education=EDUCATION, skills=SKILLS, certificates=CERTIFICATES, summary=SUMMARY, other=BESIDE
)

# Words that stand on a résumé's first line and are no part of a person's name.
_NO_NAMES = either(r"""
    r[ée]sum[ée] curriculum vitae cv bio-?data profile summary objective contact address street road university college school
    institute skills? education experience work project career technical professional personal details? languages? hobbies hobby company
    references? email phone mobile date declaration india usa uk city state software java python data web computer business information
    confidential highlights accomplishments qualifications? core competenc\w+ sales marketing finance science engineering management health
    security network testing cloud hr it operations digital public administration certified development strengths? expertise achievements?
    bachelor\w* master\w* diploma degree limited ltd pvt inc employee total years? advocate banking arts apparel aviation construction
    agriculture automobile fitness bpo human resources customer services? location functional industry role key notice highest current
    operating systems? social media of the and for with in to""")
NO_PERSON = re.compile(rf"(?i)\b{_NO_NAMES}\b")
