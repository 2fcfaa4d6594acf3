"""Words of English that are one slip away from a name that pocket knows, and mean something else.

Looked up in dictionaries of American and British English with some 100,000 words. Whoever adds a name adds the words next to it; a
word that is next to no name any more has no place here.
"""

REAL_WORDS = frozenset(
    """
abloom acing adrift afield afloat aflutter aides aiding ailing alden alice alight alights align aligns aline alines allen alley
america americana americas antarctic anther apace aplenty applies apply aquarius arbor arbors arbour arbours arching arcing
aright ashes ashing ashore asleep aster atrophies atrophy avenge avenges awaiting backs backward bailing bails baiting balking
balks ballard balling bandana bandanas bandies banding bandy barge barges barking barry bashes bashing batches batching bating
bawling beading beads beaker beakers bearer bearers beater beaters beating bedding bellow bellows benny berger berried besting
bests bides biding biking billow billows bills binding bindings binging birth births bitch bitten bitty blames blaming blanch
blank blanks blaring bleach bleep bleeping bleeps blending blight blights blips blither bloat bloating bloats blobs blocs blogs
blood blooding bloods blots boast boasts bobble bobbling bogging boggy boiling bonding bonny boodle boodles bookie bookies
booking books booming booms booster boosters bopping bouncer bouncers bouncy bound bounding bounds bowing braces bracing brain
braining brains brainy brass braver brawl brawling brawls brawn breach break breaks breech breed breeds breezier breeziest
bright brink brinks broad broads broom brooms brunch brunt brushes brushing buckling buick bumble bumbles bumbling bumping
bumpkin bumpkins bumps bundy bungle bungles bunting burgess burgher burgs burks burner burners burping burps burring burrs
burst bursts burying bushes bushing bushings cabbies cabby calking calkings calks calling callings calls cameo cameos candies
candy canes cannon cannons canter canters canton capping cases cashes cashing casing casings caste caster castes casts catches
catching cater caters cattle caving ceases ceasing chafes chafing chaser chasers chasms check checks cheeping cheery cheesy
chico chides chiding chills chink chinks chino chipper chippers chompers chopped choppier chopping choral chorals chore chores
chuck chucks clapping claps cloak cloaks cloth cloths clown clownish clowns cluck clucks clutter cluttering clutters coals
coats cobble cocking collide collides collier colliers collin collins colon colones colonise colonises colonizes colons comer
comers comes comte conch confer confers cooking cooks cootie cooties coped copper coppers copping cornet cornets corral corrals
costs couch coupe coupes couplet cover covering coverings covers covet covets cowling cowlings cradling crams crass craven
cravens creak creaks creamy creed creeds creek creeks creel creepy crest cresting crick crock croon croons cropper cropping
crops crossed crosser crossest croup crowing crumpet crumpets crushes crushing crypt crypts cunning dailies daily dairies dairy
daises dancer dancers dander dandies dandy dashed dating dazing demon demons dennis derive derives deriving dessert desserts
dicing diddle dikes dills dimes dinging dings dining dishes dishing ditties ditty divas divest divests divine divines docket
docking docks dodgy dogging dogie dogies doing doings doling dollie dollies dolling dolls doming doodle doodles doped doping
doting dover draft drafting drafts drain draining drains drank drapes drawl drawling drawls dread dreads dream dreams dries
dripping drippings drips drivel drivels driven drone drones drooping droops dross drover drovers druid druids drunk drunks
ducking dudes dukes dulness dumping dumps dungs dunks dunning dupes duress dusky dying easel easels easing easter eater eaters
eaves eddies eighths elating elegant ending endings enter enters evens explode explodes exploding explorer explorers eying
faces facing falter fandom fasten fating fatter felling fellow fellows felon felons fending ferried ferris fester fests fiddle
fiddles fiend fiends fifth filed files filling fillings finking finks fitting fittings fiver flags flakes flamed flamer flares
flatter flattering flatters flaws fleck flecks flees flick flicks flied flier fliers fliest flight flights fling flings
flipping flits floes flood floods flopping flops flour flours flout flouting flouts flowed flowery flows flues fluster
flustering flusters fluttery fogging foggy follies foods footfall footfalls foray fores forte fortes forth forts foster found
founds fountain fountains fowling frames france frances freeze freezes fries fright frights frock fruity frying fulling fulls
fumble fumbles fumbling funnies funny furry gabby gaining galley galling gallon gallons gallows galls gallup gander ganders
gapes gashes gashing gating gentile gentler gentlest gentries gentry gilding gills gives giving glade glades glass glazing
glider gliders glisten glistening glistens gloat gloating gloats gloom glowing goads gobble gobbles gobbling gollies goods
gooks grabs gracing grades grads grain grains grainy grams grange grant grasp grasps grassy grates graven graves grazes greed
greek greeks greet greets gripes grizzlier grizzliest gropes groping grosses grossing grove groves growl growling growls guide
guides guiding gunning gunny guppies guppy gushes gushing hades hailing hails hales handy harden hardens harking harks hashes
hashing hatches hatching hater haters hating haunting haven havens haves having heady heaping heaps heating heave heaves
heavier heaviest height heights hells hicks hikes hilly hilts hines hinging hings hinting hipping hippy hires hitting hoarse
hobble hobbles hobbling hocking hocks hogging holden hollies homer homers hoods hooking hooping hoover hoovers hoping hopper
hoppers horde hordes horned horsey horsy hosing hosts hovel hovels howling hulls humble humbles humbling humping humps hurting
hurtle hurtles hushes hushing huskier huskiest husks hussies hussy indies inking inland inter inters jailing jails jamel jangle
jangles jesting jests jigging jingle jingles jives jiving jocks jollies jugging juggle juggles jumble jumbles jumbling jumpy
junes kills kings kinking kinks knight knights knowing knowings kookie kooks laces lacing lacks lamas lames lances lancing
lander larch larger largess largest largo larking larry lashes lashing latches latching lazing leading leafing leafs
leaking leaks leaning leanings leans leapt leasing leaving leavings leech lemony lending leonard leotard leotards liens liking
limousin limps lindy linking links listed lister liston lither littler littlest liver lives living livings loans locket lockets
logging lolling lolls loons looping loops loosing looting loots loped lopping lords lordy losing lover lovers lumping lumps
lunging lushes maces macing mailing mailings mails males mapping mappings marcel marci marco marcy marge marian marking
markings marsh martial martin martins mashes mashing master match matches mater mating maven meddle meddles mellon mellow
mellows melton mending merrier meter meters meuse mighty miking millard mills minks mitten mittens mobster mobsters mocking
mocks mollie money moods mooed moore mopes mopped mopping moral morals morose mound mounds mouser mousey mousse mousses mousy
moved mover movers mowed muddle muddles mumble mumbles mumbling mumps muses mushes mushing musky nailing naples nesting nests
niceties nicety nifty nighties nipping noodle noodles nooks norse nosing oaring oinks olden oodles oozing orals ounce ounces
overs pacing packing paddies padding pails paining palate palates palling palls pander pandering panders panes pappy parch
parching paring parring parsing parting partings passive patches patching paves paving paying peace peaces peddle peddles
peddling pending peppy perch perking perrier pests phallus phases phasing piazza piddling piking pillage pillages pillow
pillows pills pinging pings pinking pinning pitting placing planet planets planing plank planks plant plants plate plates
plating plies plight plights plows ploys plugging pocket pockets poising poking policies policy poling polite polling polls
poppies popping poppy poring posting posture pounce pounces pouncing pound pounds prancer prancers praying prays preach preen
preens preset presets prevent prevents prince princes print printing printings prints propping props prove proves prows puddle
puddles puddling pulpy pumping pumps punning punting purpler purplest pushes pushing quack quacks quavering quicken quickies
quids quirk quirks rabbi rabbis racer racers racket rackets rages raging raiding rails rainier rainiest raising rakes raking
ranch randy range ranges raping rapping rares raring raster raved ravel ravels razes razing reads reams reaping reaps recess
reining relating relay relaying rending renter renters renting rents resent resents resets retrieve retrieved retrieves rhine
rices ricing rickets ricks riddle riddles rider rifer rifting rifts ringing rings riper riser rivera rivet roach roaring roast
roaster roasts rocker rockers rocky roiling roles rookie rookies roosted rooter roots roped roster rosters round rounds routs
rowing rumble rumbles rumbling rumblings rumps runny ruses rusts sabin salon salons saloon saloons salver samara sander sanders
sandier sandiest sanding sapling saplings sapping sarge sarong sarongs sashes sating sauce sauced sauces saucier savannah saves
saving savings saying sayings scallion scallions scaring schick scooted score scores scrawl scrawling scrawls scream screams
scroll scrolling scrolls sealed seamed seared searing seated seating seeping sending setting settings seventh sever severs
shack shacks shade shades shading shaken shaker shakers shaky shall shame shames shaming shandy shank shanks shape shapes
shaping shard shards sharking sharp sharps shave shaver shavers shaves shaving shavings sheen sheer sheet sherries sherry shift
shifts shills shiner shiners shinning shins shipping shire shires shirk shirks shivery shlep shock shocks shoes shone shoon
shoos shoot shooter shooters shoots shopper shoppers shopping shorn short shorts shove shoves shower showing showings showman
showy shunting sicking sicks sifting sifts signing signs silks sills silting silvery singe singeing singes singh singling
sipping siting sixth skids skimming skimping skimps skinning skits slack slacks slaking slapping slaps slather slathering sleek
sleeking sleeks sleepy sleeting slicer slicing slick slicks slight slights slimming slims slinking slinks slipping slips
slithery slitter slitting slivering slosh slots slowing sluice sluices smell smells smiling snailing snaking snaky snapping
snare snares snaring snarl snarls snide snider snipping snips snore snores snoring snowball snowballs snowier snowiest soaping
socket sockets socking socks soggy soiling soils solver solvers songs sookie sooth sopping sores sorest sorry sorties sound
sounds souring sower sowing spacey spade spades spanning spans spare spares sparing spark sparking sparks spate spaying spays
spidery spies spine spiny spits spitting splice splices splint splinting splints spook spooks spore spores spout spouting
spouts spring springing springs sprucer sprucest squad squads stacking staid staling stall stalling stalls stank staring stark
starr starrier starriest staying stays steven stinking stinks stopping storey stories stork storks stormier stormiest stout
stowing strain strains strand stranding strands string strings struck strum strumpet strumpets strums strung stumble stumbles
stumbling subset subsets suckling sucklings sudan sunning swabs swaddle swaddling swags swaps swatches swats sweeping sweepings
swept swigging swines swing swirl swirling swirls swiss swore tailing tails talks tapping tarrier tarries tarry taster teasel
teasels teens teensy tending terns terrie testing tests thick thicken thickens thirsty tiber tides tiding tiers tills timer
timers tinging tings tittle toast toasts toddies toddy tolling tolls topical topping toppings totting touts traces tracing
tracings track tracks trail trails training trait traitor traitors traits trance trances trans trawl trawling trawls tread
treads trebles trebling trick tricks troll truce truces trumped trunk trunks tryout tryouts tubby tucks tumbler tumblers tunes
tuning tunny turfing turfs turks turnkey tushes twaddle twain twill twinging tying unset vaster vending venue venues vesicle
vesicles vesting vests viking vikings villager villagers ville viola violas violent volley vying wacks wadding wades wading
wafer wafers wafting wager wagers wages waging wails waiter waiters waives wakes wallop walloping wallops wallow wallows walter
wanes waning wanner wanting warden wardens warder warders wares waring warms washes washing washings wasting watched watcher
watchers watery waxes waxing weaver weavers weaves weaving weight weights weighty whaler whalers whiling whine whines whirr
whirring whirrs whirs whiten whitens whiter whitest whiting whole wholes whopper whoppers whopping whore whores whorl whorls
wield wields willowy wills windier windiest winger wingers winking winks winner winners wintery witches witching witting witty
wobbly wonder wondering wonders woodsy woody woofs wooster words worries worry worse wound wounds wresting wrests wright write
writes writing writings yapping yield yields yocks yowling yuppies zapping zests zinging zings
""".split()
)
