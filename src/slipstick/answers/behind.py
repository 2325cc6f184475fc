"""What stands behind an answer and is none: a check, an example, an explanation, a note or an offer."""

import re

_HOLDS = (
    r"[^\n]{0,300}?(?:✓|✔|\b(?:true|holds?|correct|satisfie\w*|as required|matches|works|stimmt|wahr|richtig"
    r"|korrekt|passt|vrai|juste|correcto|verdadero|cierto|correto|verdadeiro|верно)\b)[^\n]*"
)
CHECK = re.compile(
    r"(?:(?<=\n)|(?<=[.!] )|(?<=[。！]))[ \t*_(✓✔️>-]*(?:(?:(?:let['’]?s|let us|let me|we can|we|you can|i)\s)?"
    r"(?:(?:also|quickly|now)\s)?(?:double[- ])?(?:check|verify)|(?:double[- ])?checking|verification"
    r"|to (?:double[- ])?(?:verify|check|confirm)|verifying|sanity check|indeed|(?:this|that)(?:['’]s| is) because"
    r"|(?:you|we|i) (?:get|got) (?:that|this|it) (?:by|from)|(?:this|that|which|it) (?:makes sense|checks out)"
    r"|(?:these|those|they) (?:add up|sum) to\b[^\n]{0,40}\bas (?:required|expected|needed)"
    r"|and\b[^.!?\n]{0,80}\bso (?:it|that|this) (?:works|checks out|fits)"
    r"|if \w+ (?:also|had|were|only|instead)\b[^\n]{0,60}\bwould"
    r"|left(?:[- ]hand)? side\b[^\n]*right(?:[- ]hand)? side"
    r"|note|remark|let me know|would you like|do you want|want me to|please let|is there anything|i can also"
    r"|in decimal|as a decimal|numerically|for (?:instance|example)"
    r"|feel free|(?:i )?hope this|if you(?:['’]d)?\s(?:have|need|want|would|like|prefer|are)"
    r"|wenn du (?:noch|weitere|möchtest)|wenn sie (?:noch|weitere)|falls (?:du|sie)|ich hoffe|j['’]espère|n['’]hésite"
    r"|si (?:tu as|tu veux|vous avez|vous voulez|tienes|necesitas|quieres)|espero que|se (?:tiver|precisar|quiser)"
    r"|если (?:у вас|нужно|хотите|есть)|надеюсь"
    r"|(?:zur )?probe|(?:zur )?kontrolle|hinweis|anmerkung|zum beispiel|denn|nämlich"
    r"|vérification|vérifions|on vérifie|remarque|par exemple|en effet"
    r"|comprobación|comprobemos|verifiquemos|verificación|por ejemplo|en efecto|porque"
    r"|verifica|verificação|verificando|conferindo|observação|por exemplo|de fato|prova|verifichiamo|infatti"
    r"|проверка|проверим|примечание|например|действительно|ведь|nota(?=\s?\**:))\b[^\n]*"
    rf"|(?:(?<=\n)|(?<=[.!] ))[ \t*_(>-]*(?:substituting|plugging|setzt man|einsetzen|en substituant"
    rf"|en remplaçant|sustituyendo|substituindo|подставим|подставляя)\b{_HOLDS}"
    r"|(?:(?<=\n)|(?<=[。！])|(?<=[.!] ))[ \t*_(>-]*(?:検算|確認|確かめ|実際|補足|注意|注[:：]|なぜなら"
    r"|检验|经检验|验证|验算|检查|代入检验|代入验证|例如|검산|검증|확인|참고|如果[你您]|如有|希望[这以对]|もし(?:他|ほか|何か)|[他何]か?に?ご?質問|ご不明"
    r"|궁금|다른 질문|혹시 다른|실제로|왜냐하면|예를 들어)[^\n]*",
    re.IGNORECASE,
)
"""A check, an example, a note or an offer behind the answer."""
SECTION = re.compile(
    r"\n[ \t]*(?:#{1,6}[ \t]*\**|\*\*)[ \t]*(?:(?:brief|short|detailed|step[- ]by[- ]step)\s)?(?:explanation|check"
    r"|verification|justification|why\b[^\n*]{0,60}|alternative (?:method|approach|solution)"
    r"|another (?:method|way)|remarks?|notes?|erklärung|begründung|probe|explication|vérification|explicación"
    r"|comprobación|explicação|verificação|объяснение|проверка|说明|验证|検算|解説|説明|설명|검산)"
    r"[ \t]*:?\**:?[ \t]*(?:\n|\Z|(?<=[*:])[ \t])",
    re.IGNORECASE,
)
"""The heading of a part behind the answer that explains or checks it."""
