namespace Metering.Safety;

/// <summary>
/// The rules that keep usage exact. Production always holds all of them; the simulation breaks one at a time to prove that its checks would notice.
/// </summary>
[Flags]
public enum SafetyRule
{
    None = 0,

    // Accounting
    HoldBackOneMicrosecondPerLiveChild = 1 << 0,
    FirstPassIsBaseline = 1 << 1,
    NewbornBilledFromZero = 1 << 2,
    DeadClaimGoesToParent = 1 << 3,
    ReleaseHeldAtDeath = 1 << 4,
    CounterResetStartsGeneration = 1 << 5,
    ParentReadBeforeChildren = 1 << 6,

    // Journal
    BaselineStoredWithBatch = 1 << 7,
    BaselineSurvivesRestart = 1 << 8,
    SequenceSurvivesRestart = 1 << 9,
    KeepUntilLedgerCommits = 1 << 10,
    OfferedBatchesAreNotMerged = 1 << 11,
    OfferIsDurableBeforePublish = 1 << 12,

    // Shipping
    ResendAfterUnknownOutcome = 1 << 13,
    ResendAfterLedgerRestore = 1 << 14,

    // Ingest and ledger
    ReceiptTakesEffectOnce = 1 << 15,
    RangesDoNotOverlap = 1 << 16,
    WatermarkIsContiguous = 1 << 17,
    AcknowledgeAfterCommit = 1 << 18,
    ReceiptAndUsageInOneTransaction = 1 << 19,
    SplitSharesAddUp = 1 << 20,

    // Settlement of what ended between readings
    SettleOnlyWhenQuiet = 1 << 21,
    SettleOneDeath = 1 << 22,
    LostEventsForbidSettling = 1 << 23,
    OwnProcessesForbidSettling = 1 << 24,

    All = (1 << 25) - 1,
}
