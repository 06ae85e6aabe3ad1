namespace Metering.Service.Rating;

/// <summary>Why a charge is there.</summary>
public enum ChargeKind
{
    /// <summary>Priced usage, reservation or presence, at the price of the book.</summary>
    Usage,

    /// <summary>A share of what hosts cost, for tenants whose contract says so: quantity in the currency at a price of 1.</summary>
    Allocation,

    /// <summary>The contract's discount on a price; negative.</summary>
    Discount,

    /// <summary>What a period costs less than the contract's minimum.</summary>
    Minimum,

    /// <summary>The commitment, bought for the period.</summary>
    CommitmentPurchase,

    /// <summary>Charges that the commitment covers; negative.</summary>
    CommitmentUsed,

    /// <summary>The part of the commitment that lapses; 0 to pay, since it is bought.</summary>
    CommitmentUnused,

    /// <summary>What the contract credits for reserved CPU that was waited for; negative.</summary>
    ServiceCredit,

    /// <summary>The residue of a line's rounding to the currency's minor unit.</summary>
    Adjustment,

    /// <summary>Tax on the sum of all lines above; never on itself, and not less for what is paid from credits.</summary>
    Tax,

    /// <summary>Paid from a credit; negative.</summary>
    CreditDrawn,

    /// <summary>Paid from a prepaid balance; negative.</summary>
    PrepaidDrawn,
}
