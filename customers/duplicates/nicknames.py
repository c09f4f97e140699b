"""Short forms of given names, as people use them in orders. One line a family of names, the full forms
first."""

from __future__ import annotations

_FAMILIES = """
abigail abby gail; abraham abe; adelaide addie; agnes aggie; albert al bert bertie; alexander alex al alec
sandy sasha xander; alexandra alex lexi sandra sasha; alfred alf alfie fred; alice ali; alison ali; amanda
mandy; amelia millie amy; andrew andy drew; angela angie; ann anne anna annie nan nancy; anthony tony ant;
antonia toni; archibald archie; arthur art; barbara barb babs; bartholomew bart; beatrice bea trixie;
benjamin ben benny; bernard bernie; bernadette bernie; bradley brad; bridget biddy; caleb cal; calvin cal;
cameron cam; caroline carrie caro; cassandra cass cassie; catherine katherine kathryn katharine cathy kathy
kate katie kitty kat kay cath; cecilia cissy; charles charlie chuck chas; charlotte lottie charlie; chloe
clo; christian chris; christina christine chris tina chrissie; christopher chris kit topher; clarence clare;
clifford cliff; constance connie; cornelius neil; curtis curt; cynthia cindy; daniel dan danny; danielle
dani; david dave davy; deborah debra deb debbie; dennis denny; dominic dom; donald don donnie; dorothy dot
dottie dolly; douglas doug; edgar ed; edith edie; edmund ed eddie ted; edward ed eddie ted ned; edwin ed;
eleanor ellie nell nora; elizabeth elisabeth liz lizzie beth betty betsy eliza elsie libby lisa bess; ellen
nell ellie; emily em emmy; emma em; ernest ernie; eugene gene; evelyn eve evie; ezekiel zeke; florence flo
flossie; frances fran fanny frankie; francis frank frankie; francisco paco pancho; frederick frederic fred
freddie; gabriel gabe; gabrielle gabby; geoffrey jeffrey jeff geoff; george georgie; georgina georgie; gerald
gerry jerry; gerard gerry; gilbert gil; gregory greg; gwendolyn gwen; hannah nan; harold harry hal; harriet
hattie; harrison harry; helen nell nellie; henry harry hank hal; herbert herb bert; howard howie; isaac ike;
isabel isabella isobel bella izzy belle; jacob jake; jacqueline jackie; james jim jimmy jamie; jane jenny
janie; janet jan; jasmine jas; jason jay; jean jeanie; jennifer jen jenny jenna; jeremiah jerry; jeremy jerry
jem; jessica jess jessie; joan joanie; joanna joanne jo; john johnny jack jon; jonathan jon jonny nathan;
joseph joe joey jo; josephine jo josie; joshua josh; judith judy; julia julie jules; julian jules; justin
jus; katelyn caitlin kate katie; kenneth ken kenny; kimberly kim; kristin kristen kris; laura laurie;
laurence lawrence larry lars laurie; leonard len lenny leo; leonardo leo; leslie les; lewis louis lou lew;
lillian lily lil; linda lindy; louise lou; lucas luke; lucille lucy; madeleine madeline maddie; magdalena
lena magda; malcolm mal; manuel manny; marcus mark marc; margaret maggie meg peggy margie marge greta rita
daisy; maria mary marie mia; marianne mary; martha marty; martin marty; mary molly polly mae; matilda tilly
mattie; matthew matt; maureen mo; maurice mo; maximilian max; maxwell max; megan meg; melanie mel; melissa
mel missy lissa; melvin mel; michael mike mick mickey mikey; michelle shelly chelle; mildred millie; miranda
mandy; mitchell mitch; mohammed muhammad mohamed mo; nancy nan; natalie nat; natasha tasha; nathan nate;
nathaniel nat nate nathan; nicholas nicolas nick nicky; nicole nicola nicky nikki; norman norm; oliver ollie;
olivia liv livvy; oscar ossie; pamela pam; patricia pat patty tricia trish; patrick pat paddy; penelope
penny; percival percy; peter pete; philip phillip phil; phoebe phebe; priscilla cilla; rachel rach; raymond
ray; rebecca becky becca; reginald reg reggie; richard dick rick ricky rich richie; robert rob bob bobby
robbie bert; roberta bobbie; roderick rod; rodney rod; roger rodge; roland rollie; ronald ron ronnie;
rosemary rose rosie; rudolph rudy; russell russ; ruth ruthie; samantha sam sammy; samuel sam sammy; sandra
sandy; sarah sally sadie; sebastian seb; simon si; sophia sophie; stephanie steph; stephen steven steve
stevie; stuart stewart stu; susan susanna susannah sue suzie susie; sylvester sly; sylvia syl; tabitha tabby;
terence terry; theodore theo ted teddy; theresa teresa terry tess tessa; thomas tom tommy; timothy tim timmy;
tobias toby; valerie val; veronica ronnie; victor vic; victoria vicky tori; vincent vince vinny; virginia
ginny; vivian viv; walter walt wally; wallace wally; wendell wendy; wesley wes; wilfred wilf; wilhelmina
mina; william will bill billy willy liam; winifred winnie; winston win; xavier javier; yvonne eve; zachary
zach zack
"""


def _families() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for at, family in enumerate(_FAMILIES.replace("\n", " ").split(";")):
        for name in family.split():
            found.setdefault(name, set()).add(at)
    return {name: frozenset(places) for name, places in found.items()}


FAMILIES = _families()
NONE: frozenset[int] = frozenset()


def are_forms_of_one_name(one: str, other: str) -> bool:
    """bob and robert: they stand in one family. Both lower case, without accents."""
    mine = FAMILIES.get(one)
    return mine is not None and not mine.isdisjoint(FAMILIES.get(other, NONE))
