using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>What a line of a document, that is no sum of rows, is in the specification's terms.</summary>
/// <param name="IsAgreed">It comes from the contract, period by period.</param>
internal sealed record FocusLines(byte[] Category, byte[] Frequency, bool IsAgreed)
{
    /// <summary>By the kind as invoices have it, such as <c>creditDrawn</c>.</summary>
    public static FocusLines Of(string kind) => Of(Enum.Parse<ChargeKind>(kind, ignoreCase: true));

    /// <summary>Every kind has its category; a new one does not compile into silence but throws here.</summary>
    public static FocusLines Of(ChargeKind kind) => kind switch
    {
        ChargeKind.Usage or ChargeKind.Allocation => new(FocusTexts.Usage, FocusTexts.UsageBased, false),
        ChargeKind.Discount => new(FocusTexts.Adjustment, FocusTexts.UsageBased, true),
        ChargeKind.Minimum => new(FocusTexts.Adjustment, FocusTexts.Recurring, true),
        ChargeKind.CommitmentPurchase => new(FocusTexts.Purchase, FocusTexts.Recurring, true),
        ChargeKind.CommitmentUsed or ChargeKind.CommitmentUnused => new(FocusTexts.Usage, FocusTexts.UsageBased, true),
        ChargeKind.ServiceCredit => new(FocusTexts.Credit, FocusTexts.OneTime, true),
        ChargeKind.Adjustment => new(FocusTexts.Adjustment, FocusTexts.OneTime, false),
        ChargeKind.Tax => new(FocusTexts.Tax, FocusTexts.OneTime, false),
        ChargeKind.CreditDrawn => new(FocusTexts.Credit, FocusTexts.OneTime, false),
        ChargeKind.PrepaidDrawn => new(FocusTexts.Adjustment, FocusTexts.OneTime, false),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This kind of charge has no category in FOCUS yet."),
    };
}
