namespace Metering.Service.Focus;

/// <summary>One rule, as data: a column, what it must be, and when.</summary>
/// <param name="Arguments">Values or columns, by the test.</param>
/// <param name="Versions">Of the specification, in which it holds.</param>
internal sealed record FocusRule(string Id, FocusDataset Dataset, string Column, FocusTest Test, string[] Arguments, FocusCondition[] When, string[] Versions)
{
    private static readonly HashSet<FocusTest> OverFile = [FocusTest.OneFor, FocusTest.Unique, FocusTest.SumInMinorUnits, FocusTest.SumOfDetails, FocusTest.CommitmentUsedUp, FocusTest.NoOverlap, FocusTest.PeriodListed];

    /// <summary>True when it is decided at the end.</summary>
    public bool IsOverFile => OverFile.Contains(Test);

    /// <summary>Null, format and values of the column itself: when one of these is broken, other rules say nothing of the row.</summary>
    public bool IsOfColumn => Test is FocusTest.Format || (Test is FocusTest.NotNull or FocusTest.In or FocusTest.Currency or FocusTest.Unit or FocusTest.Flat && When.Length == 0);

    /// <summary>Every column that it looks at.</summary>
    public IEnumerable<string> Columns => When.Select(condition => condition.Column).Append(Column).Concat(Test switch
    {
        FocusTest.Same or FocusTest.Different or FocusTest.After or FocusTest.NotBefore or FocusTest.NotAfter or FocusTest.NullWith or FocusTest.Product or FocusTest.OneFor or FocusTest.Unique or FocusTest.SumInMinorUnits
            or FocusTest.NoOverlap or FocusTest.CommitmentUsedUp or FocusTest.SumOfDetails or FocusTest.PeriodListed => Arguments,
        _ => [],
    }).Distinct(StringComparer.Ordinal);

    public string Statement => $"{Column} {Requirement}{(When.Length == 0 ? "" : " when " + string.Join(" and ", When.AsEnumerable()))}";

    private string Requirement => Test switch
    {
        FocusTest.Present => "is a column of the file",
        FocusTest.Names => "has a header of known columns, ours last and led by x_",
        FocusTest.NotNull => "is not null",
        FocusTest.Null => "is null",
        FocusTest.Format => "is written as its type asks",
        FocusTest.In => "is " + string.Join(" or ", Arguments),
        FocusTest.NotIn => "is not " + string.Join(" nor ", Arguments),
        FocusTest.Currency => "is a code of ISO 4217",
        FocusTest.Unit => "is a unit in the specification's grammar",
        FocusTest.Flat => "is an object without nesting",
        FocusTest.Keys => "has keys in PascalCase, ours led by x_",
        FocusTest.NotNegative => "is not negative",
        FocusTest.Same => "is the same as " + Arguments[0],
        FocusTest.Different => "is not the same as " + Arguments[0],
        FocusTest.After => "is later than " + Arguments[0],
        FocusTest.NotBefore => "is not before " + Arguments[0],
        FocusTest.NotAfter => "is not after " + Arguments[0],
        FocusTest.NullWith => $"is null where {Arguments[0]} is, and only there",
        FocusTest.Product => $"is {Arguments[0]} × {Arguments[1]}, exactly",
        FocusTest.OneFor => $"is one for each {Arguments[0]}",
        FocusTest.Unique => $"is told apart by {string.Join(" and ", Arguments)}",
        FocusTest.SumInMinorUnits => $"adds up by {Arguments[0]} to whole minor units of {Arguments[1]}",
        FocusTest.SumOfDetails => "adds up by invoice and entry to what the invoice details say",
        FocusTest.CommitmentUsedUp => "of usage adds up by commitment to what its purchase billed",
        FocusTest.NoOverlap => $"does not overlap for the same {string.Join(", ", Arguments[2..])}",
        FocusTest.PeriodListed => "is, with its issuer, among the billing periods",
        _ => Test.ToString(),
    };
}
