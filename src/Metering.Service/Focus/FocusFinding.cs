namespace Metering.Service.Focus;

/// <summary>What a rule found in a file.</summary>
/// <param name="Checked">Rows that it looked at; 0: nothing that it is about was there.</param>
/// <param name="Violations">Rows, or groups of rows, that break it.</param>
/// <param name="First">The first of them: row and value.</param>
internal sealed record FocusFinding(string Rule, string Dataset, string Column, string Statement, long Checked, long Violations, string? First);
