namespace Metering.Service.Focus;

/// <summary>What a rule asks of its column, or of the columns that are its arguments.</summary>
internal enum FocusTest
{
    /// <summary>The file has the column.</summary>
    Present,

    /// <summary>Columns of the specification have their names and stand first; ours begin with <c>x_</c>, at most 50 letters.</summary>
    Names,
    NotNull,
    Null,

    /// <summary>The text is of the column's type.</summary>
    Format,

    /// <summary>One of the arguments.</summary>
    In,
    NotIn,

    /// <summary>A code of ISO 4217.</summary>
    Currency,

    /// <summary>A unit in the specification's grammar.</summary>
    Unit,

    /// <summary>A JSON object without nesting.</summary>
    Flat,

    /// <summary>A JSON object whose keys are PascalCase, or ours.</summary>
    Keys,

    /// <summary>0 or more.</summary>
    NotNegative,

    /// <summary>The same as the argument.</summary>
    Same,
    Different,

    /// <summary>Later than the argument.</summary>
    After,
    NotBefore,
    NotAfter,

    /// <summary>Null where the argument is, and only there.</summary>
    NullWith,

    /// <summary>The product of the two arguments, exactly.</summary>
    Product,

    /// <summary>Over the file: one value for each value of the argument.</summary>
    OneFor,

    /// <summary>Over the file: no two rows have the same values of the arguments.</summary>
    Unique,

    /// <summary>Over the file: its sum for each value of the first argument is a whole number of minor units of the second.</summary>
    SumInMinorUnits,

    /// <summary>Over two datasets: its sum by InvoiceId and InvoiceDetailId is what the invoice details say.</summary>
    SumOfDetails,

    /// <summary>Over the file: by commitment, what usage is worth is what was bought.</summary>
    CommitmentUsedUp,

    /// <summary>Over the file: charge periods of the same values of the arguments do not overlap.</summary>
    NoOverlap,

    /// <summary>Over two datasets: the billing period of the row, by start and issuer, is one of those listed.</summary>
    PeriodListed,
}
