namespace Metering.Service.Ui;

/// <summary>What the explorer shows, as read once.</summary>
/// <param name="Unit">Of what is drawn: the API's unit, or the currency.</param>
/// <param name="IsCut">There were more rows than one view takes.</param>
internal sealed record ExplorerView(
    Measure Measure, DateTimeOffset From, DateTimeOffset To, string Step, IReadOnlyList<DateTimeOffset> Steps, IReadOnlyList<string> GroupBy, string Unit, IReadOnlyList<ExplorerLine> Lines, IReadOnlyList<StackLine> Stacks, bool IsCut);
