namespace Metering.Service.Ui;

/// <summary>One group of the explorer's table.</summary>
/// <param name="Key">Its values, in the order of the grouping.</param>
/// <param name="Filters">Filters that keep only it.</param>
/// <param name="Total">Null: not known.</param>
/// <param name="Share">Of all that is shown, 0 to 1.</param>
internal sealed record ExplorerLine(string Id, IReadOnlyList<string> Key, IReadOnlyList<string> Filters, string Unit, decimal? Total, decimal? Share)
{
    public string Name => Key.Count == 0 ? "everything" : string.Join(" · ", Key.Select(value => value.Length == 0 ? "(none)" : Isolated.Name(value)));
}
