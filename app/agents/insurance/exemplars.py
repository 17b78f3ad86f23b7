"""Questions that stand for a specialist: what is like them, by meaning, goes where they go."""

from collections.abc import Mapping, Sequence

from app.agents.insurance.topics import Choice, ChosenBy, Specialist, weak
from app.agents.likening import Likeness

_POLICY = (
    "Is my windscreen included in my contract?",
    "Who is named on my contract as a driver?",
    "Does my insurance include the theft of my bicycle?",
    "Until when does my insurance run?",
    "Which vehicle is insured under this number?",
    "What house is insured with you in my name?",
    "What exactly do you insure for me?",
    "Whom does the contract insure?",
    "What sum am I insured for?",
    "How much would you pay at most if my house burned down?",
    "How high is my excess?",
    "What part of a damage do I pay out of my own pocket?",
    "If my car is damaged, what remains for me to pay?",
    "Is my contract still in force?",
    "Am I still insured?",
    "Has my contract been ended?",
    "Was my insurance terminated?",
    "Did my protection run out?",
    "When did my insurance begin?",
    "When do I have to extend my contract?",
    "What kind of insurance do I have with you?",
    "Show me everything that I have insured with you.",
    "Is this contract for my flat or for my car?",
    "Which of my things are protected?",
    "How many contracts do I have?",
    "What are the details of my contract?",
)
_BILLING = (
    "When does the money leave my account?",
    "Why did you take more money this month?",
    "What do you take from my account every month?",
    "Did my last transfer arrive?",
    "How much does my insurance cost me?",
    "What do I pay for my car insurance?",
    "How expensive is my contract a year?",
    "How often do I have to pay?",
    "On what day did you receive my money?",
    "When do you need my money?",
    "Do I still have to pay anything?",
    "Is everything paid for my contract?",
    "Have I missed a payment?",
    "Am I late with paying?",
    "How much is left to pay?",
    "What was the last amount that I paid?",
    "Did I pay in March?",
    "What is the next amount that I have to transfer?",
    "What will the next instalment be?",
    "What is the price of my home insurance?",
    "Do I pay monthly or once a year?",
    "Show me what I was charged.",
    "Which of my accounts are in arrears?",
    "How much do I spend with you?",
)
_CLAIMS = (
    "Has anybody looked at my accident report yet?",
    "When do I get the money for my broken window?",
    "What became of the damage that I reported?",
    "Is the damage to my car settled?",
    "I reported a burglary, what is happening with it?",
    "My roof was damaged in a storm and I sent you photos, what now?",
    "Did you accept what I sent in after the fire?",
    "Why did you refuse to pay for the water damage?",
    "How much did you pay me for the stolen laptop?",
    "How much will I get back for the accident?",
    "Will you pay for the repair of my car?",
    "I have been in hospital, do you pay for it?",
    "Did you decide on my surgery?",
    "I am still waiting for my money after the crash.",
    "When was my accident reported?",
    "On which date did the theft happen according to you?",
    "What have you noted about my accident?",
    "Is somebody working on my case?",
    "How long until my case is decided?",
    "How far are you with the fire in my kitchen?",
    "Why have I not been reimbursed for the hail?",
    "What did you decide about the break-in?",
    "Has my report of the collision reached you?",
    "Was my loss accepted or rejected?",
)
_GENERAL = (
    "What are your opening hours?",
    "Where is your office?",
    "What kinds of insurance do you offer?",
    "What do I need for a quote?",
    "Thank you for your help.",
    "How can I pay, and with which means?",
    "Do you accept credit cards?",
    "Can I pay by bank transfer?",
    "Can I end a contract early, and what does that cost?",
    "Is there a penalty for terminating early?",
    "How many days late may a payment be before protection ends?",
    "What happens if somebody pays too late?",
    "How do I add another driver?",
    "My son passed his driving test, how do I get him insured?",
    "I bought a new car, what do I have to do?",
    "I am moving to another town, whom do I inform?",
    "How do I change my address?",
    "How do I object to a decision?",
    "Can a decision be appealed?",
    "Do you insure houses against earthquakes?",
    "Is damage by water normally insured?",
    "Does car insurance usually pay for a rental car?",
    "Where do I get my proof of insurance?",
    "How do I print my insurance card?",
    "What should I do after an accident?",
    "Which papers do I need to report a theft?",
    "How long does it take until damage is paid?",
    "How is the price of an insurance worked out?",
    "Do you give discounts for safe drivers?",
    "How do I save money on insurance?",
    "What is the difference between two kinds of cover?",
    "What does this word in the contract mean?",
    "How do I set up an online account?",
    "Who may see my data?",
    "Do you have an app?",
)
EXEMPLARS: Mapping[str, Sequence[str]] = {
    Specialist.POLICY: _POLICY,
    Specialist.BILLING: _BILLING,
    Specialist.CLAIMS: _CLAIMS,
    Specialist.GENERAL: _GENERAL,
}
LIKE = 0.4
"""From so much cosine on, a question is like an exemplar."""
AHEAD = 0.08
"""By so much it must be liker than one of another specialist, where its words do not tell the same. Fitted on the
exemplars alone: of those that are so far ahead when each is compared with all the others, four in five are right."""


def settle(question: str, likeness: Likeness) -> Choice:
    """Return the choice of exemplars and of words that are not sure, together; of nobody where neither tells.

    Where both name the same specialist, that is enough; else a question must be like one specialist's alone, or have
    words of one alone.
    """
    maybe = weak(question)
    if likeness.best is not None and likeness.score >= LIKE:
        best = Specialist(likeness.best)
        if likeness.ahead >= AHEAD or best in maybe:
            return Choice((best,), ChosenBy.EXEMPLAR)
    return Choice(maybe, ChosenBy.RULE) if len(maybe) == 1 else Choice()
